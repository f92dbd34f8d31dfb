"""Where output goes: closed pipes and streams, terminals of 20 columns, poor encodings."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from pbench.cli import app as root
from tests.faults.children import pbench_noted_to_nobody, pbench_on_a_terminal, pbench_to_nobody
from tests.faults.conftest import Run, in_process
from tests.forks import SECONDS, begun, endless_pbench, pbench_to, said, start

DECODE = ["decode", "--tasks", "copy", "--limit", "2", "--k", "32", "--out", "a.parquet"]


@pytest.fixture
def scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str, capsys: pytest.CaptureFixture[str]):
    in_process(tmp_path, monkeypatch, cache)
    assert root._run(DECODE) == 0
    assert root._run(["score", "a.parquet"]) == 0
    capsys.readouterr()


def test_a_run_goes_on_when_nobody_reads_its_notes(run: Run, tmp_path: Path, cache: str) -> None:
    """`pbench decode ... 2>&1 | head -1` has not decoded everything if it stops at the second note."""
    assert run(*DECODE, XDG_CACHE_HOME=cache).code == 0
    said = run(*DECODE, child=pbench_noted_to_nobody, XDG_CACHE_HOME=cache)  # "complete already"
    assert (said.code, said.out) == (0, "a.parquet\n")
    assert (tmp_path / "a.parquet").exists()


@pytest.mark.parametrize(
    "arguments", [["samplers", "list", "--json"], ["show", "a.parquet"], ["report", "."]]
)
def test_a_reader_who_has_enough_is_no_error(run: Run, scored: None, arguments: list[str]) -> None:
    assert run(*arguments, child=pbench_to_nobody)[::2] == (0, "")


def test_a_closed_stdout_is_an_error_and_a_closed_stderr_is_none(
    run: Run, tmp_path: Path, cache: str
) -> None:
    said = run("models", "list", child=pbench_to, stdout="")
    assert (said.code, said.errors) == (2, ["error: standard output: Bad file descriptor"])
    said = run(*DECODE, child=pbench_to, stderr="", XDG_CACHE_HOME=cache)
    assert (said.code, said.out) == (0, "a.parquet\n")


@pytest.mark.parametrize("command", ["score", "report"])
def test_paths_from_a_stdin_that_is_closed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert root._run([command, "-"]) in (2, 4)
    assert "a bug" not in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("arguments", [["report", "."], ["theory", "table1", "--n", "3"]])
def test_what_an_encoding_lacks_is_an_escape(
    run: Run, scored: None, arguments: list[str], encoding: str
) -> None:
    """LANG=C without Python's own remedy is ASCII."""
    said = run(*arguments, PYTHONIOENCODING=encoding)
    assert (said.code, said.errors) == (0, [])
    assert said.out.isascii() or encoding != "ascii"


def test_a_terminal_of_20_columns(scored: None, tmp_path: Path) -> None:
    """Progress bars fit in; results do not know of it."""
    for arguments in (
        ["decode", "--tasks", "shuffle", "--limit", "3", "--k", "1", "--out", "b.parquet"],
        ["report", "."],
        ["--help"],
    ):
        process = start(pbench_on_a_terminal, arguments, str(tmp_path), COLUMNS="20", LINES="5")
        process.join(SECONDS)
        shown = said(tmp_path, process.exitcode or 0)
        assert process.exitcode == 0, shown
        assert "Traceback" not in shown.out


def test_two_interrupts_at_once_lose_no_more_than_one(tmp_path: Path, cache: str) -> None:
    arguments = ["decode", "--tasks", "copy", "--k", "1", "--batch-size", "2", "--out", "a.parquet"]
    process = start(endless_pbench, arguments, str(tmp_path), XDG_CACHE_HOME=cache)
    journal = begun(process, tmp_path)
    kept = journal.read_bytes()
    for _ in range(2):
        os.kill(process.pid or 0, signal.SIGINT)
    process.join(SECONDS)
    shown = said(tmp_path, process.exitcode or 0)
    assert process.exitcode == 130, shown
    assert "the same command goes on from there" in shown.err
    assert "Traceback" not in shown.err
    assert journal.read_bytes().startswith(kept)
    assert not (tmp_path / "a.parquet.lock").exists()
