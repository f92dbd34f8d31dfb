"""What holds for all tests: one thread a process, for several share the cores; the longest come first."""

import os
import signal
import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from pbench import processes
from pbench.cli import console
from tests import forks

os.environ.setdefault("OMP_NUM_THREADS", "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # pytest runs in the background of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A loaded machine is no mistake. The suite tries the same examples every time, for what chance finds in
# it delays those who did not break it; `thorough` looks for new ones.
_USUAL = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.register_profile("suite", _USUAL, max_examples=50, derandomize=True, database=None)
settings.register_profile("thorough", _USUAL, max_examples=500)
settings.load_profile(os.environ.get("PBENCH_TESTS", "suite"))

_LONG = ("test_docs.py", "test_wheel.py", "test_ray_cluster.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Else the last long test keeps one core busy, and the others have nothing to do."""
    items.sort(key=lambda item: item.path.name not in _LONG)


@pytest.fixture(scope="session", autouse=True)
def _unsynced() -> Iterator[None]:
    """Nothing waits for the disk: tests kill processes, never the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(autouse=True)
def fresh_console(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test's --debug says is no concern of the next."""
    monkeypatch.setattr(console, "state", console.State())


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes are forks of the prepared one, and begin at once; pbench starts them afresh."""
    monkeypatch.setattr(processes, "START", forks.server())


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens, nor can begin to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
