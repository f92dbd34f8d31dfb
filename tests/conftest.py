"""One thread for each test process and what it starts: several share the machine's cores."""

import os

import pytest

from pbench import processes
from pbench.cli import console
from tests import forks

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def fresh_console(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test's --debug says is no concern of the next."""
    monkeypatch.setattr(console, "state", console.State())


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes are forks of the prepared one, and begin at once; pbench starts them afresh."""
    monkeypatch.setattr(processes, "START", forks.server())
