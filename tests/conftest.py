"""One thread for each test process and what it starts: several share the machine's cores."""

import os

import pytest

from pbench.cli import console

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def fresh_console(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test's --debug says is no concern of the next."""
    monkeypatch.setattr(console, "state", console.State())
