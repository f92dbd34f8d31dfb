"""What holds for all tests: one thread a process, for several share the cores; the longest come first."""

import os
import signal

import pytest
from hypothesis import settings

from pbench import processes
from pbench.cli import console
from tests import forks

os.environ.setdefault("OMP_NUM_THREADS", "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # pytest runs in the background of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)

for _name, _examples in (("suite", 50), ("thorough", 500)):
    settings.register_profile(_name, max_examples=_examples, deadline=None)  # a loaded machine is no mistake
settings.load_profile(os.environ.get("PBENCH_TESTS", "suite"))

_LONG = ("test_docs.py", "test_wheel.py", "test_ray_cluster.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Else the last long test keeps one core busy, and the others have nothing to do."""
    items.sort(key=lambda item: item.path.name not in _LONG)


@pytest.fixture(autouse=True)
def fresh_console(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test's --debug says is no concern of the next."""
    monkeypatch.setattr(console, "state", console.State())


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes are forks of the prepared one, and begin at once; pbench starts them afresh."""
    monkeypatch.setattr(processes, "START", forks.server())
