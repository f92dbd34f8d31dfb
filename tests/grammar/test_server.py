"""The local server: a real process in Java's place, started by the library; never one too many."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbench.grammar import CheckerError, LanguageToolChecker, guard, languagetool, server
from tests.grammar.conftest import Installation, StandIn, ended

pytest.importorskip("language_tool_python")


@pytest.fixture
def checker(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[LanguageToolChecker]:
    monkeypatch.setattr(languagetool, "_PAUSES", (0.0, 0.0))
    made = LanguageToolChecker()
    yield made
    made.close()


def test_one_server_is_started_used_and_ended(
    checker: LanguageToolChecker, installation: Installation
) -> None:
    assert checker.version == "6.8"
    assert [len(found) for found in checker.check(["baad", "Fine.", "a baad"])] == [1, 0, 1]
    [pid] = installation.pids()
    assert not ended(pid, 0.1)
    checker.close()
    assert ended(pid)
    checker.close()  # nothing more to do


def test_a_server_that_dies_is_started_again(
    checker: LanguageToolChecker, installation: Installation
) -> None:
    assert [len(found) for found in checker.check(["Fine.", "die once baad", "Fine."])] == [0, 1, 0]
    first, second = installation.pids()
    assert ended(first)
    assert not ended(second, 0.1)


def test_it_is_not_started_for_ever(
    checker: LanguageToolChecker, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_STARTS", 1)
    with pytest.raises(CheckerError, match="not started again"):
        checker.check(["die once"])
    assert all(ended(pid) for pid in installation.pids())


def test_a_killed_guard_leaves_no_java(checker: LanguageToolChecker, installation: Installation) -> None:
    local = checker._server
    assert isinstance(local, server.LocalServer)
    assert local._guard is not None
    os.kill(local._guard.pid, signal.SIGKILL)
    [pid] = installation.pids()
    checker.close()
    assert ended(pid)


_OWNER = """
import sys
from pbench.grammar import LanguageToolChecker
checker = LanguageToolChecker()
print(checker.version, flush=True)
if sys.argv[1] == "stay":
    sys.stdin.read()
"""


@pytest.mark.parametrize("ending", ["kill -9", "exit"])
def test_java_ends_with_its_owner(installation: Installation, ending: str) -> None:
    stay = "stay" if ending == "kill -9" else "go"
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER, stay],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(server.__file__).parents[2])},
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"6.8\n"
        [pid] = installation.pids()
        if ending == "kill -9":
            assert not ended(pid, 0.1)
            owner.kill()
    assert ended(pid)


def test_a_java_that_does_not_start(installation: Installation) -> None:
    installation.refuse()
    with pytest.raises(CheckerError, match=r"does not start: ServerError: .*exited early with code 1"):
        LanguageToolChecker()
    assert len(installation.pids()) <= 3
    assert all(ended(pid) for pid in installation.pids())


def test_a_start_that_takes_too_long(installation: Installation) -> None:
    installation.mute()
    with pytest.raises(CheckerError, match=r"no answer within 0\.3 seconds"):
        server.LocalServer(seconds=0.3)
    assert all(ended(pid) for pid in installation.pids())


def test_another_server_at_its_port_is_not_taken_for_it(
    server: StandIn, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where two processes start theirs at once and choose alike."""
    ports = iter([int(server.url.rpartition(":")[2]), guard._free_port()])
    monkeypatch.setattr(guard, "_free_port", lambda: next(ports))
    tool = guard._started("6.8")
    try:
        assert guard._listens(installation.pids()[-1], tool._port)
        assert f":{tool._port}/" in tool.url
        assert next(ports, None) is None  # the first was seen through
    finally:
        tool.close()
    assert all(ended(pid) for pid in installation.pids())
