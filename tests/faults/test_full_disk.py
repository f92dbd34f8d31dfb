"""A disk that is full: no command says that it went well, and what was there before stays as it was."""

from __future__ import annotations

import resource
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pbench.artifacts import read_rows
from pbench.cli import app as root
from tests.faults.conftest import Run, files, in_process
from tests.forks import pbench_to


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file grows beyond `size` bytes: the write fails with EFBIG, as it does with ENOSPC.

    Python before 3.14 takes a half-written `.pyc` for a whole one: what is imported in here for the first
    time on this machine could not be imported by anybody after that.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    compiled = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = compiled


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, cache: str) -> Path:
    """Two runs, one of them scored, and a report."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        in_process(folder, patch, cache)
        for name, k in (("a", "32"), ("b", "16")):
            command = ["decode", "--tasks", "copy", "--limit", "2", "--k", k, "--out", f"{name}.parquet"]
            assert root._run(command) == 0
        assert root._run(["score", "a.parquet"]) == 0
        assert root._run(["report", "a.scores.parquet", "--out", "r.md"]) == 0
    (folder / "grid.yaml").write_text(GRID)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    in_process(tmp_path, monkeypatch, cache)
    return tmp_path


GRID = "tasks: [copy]\nlimit: 1\nmatrix: {model: tiny, sampler: {name: confidence, k: [16, 32]}}\n"

COMMANDS = {
    "decode": ["decode", "--tasks", "copy,shuffle", "--limit", "2", "--k", "32", "--out", "a.parquet"],
    "decode jsonl": ["decode", "--tasks", "copy", "--limit", "2", "--k", "8", "--out", "c.jsonl"],
    "score": ["score", "b.parquet"],
    "score again": ["score", "a.parquet", "--force"],
    "report": ["report", "a.scores.parquet", "--out", "r.md"],
    "page": ["report", "a.scores.parquet", "--out", "page.html"],
    "tasks build": ["tasks", "build", "copy", "--out", "built"],
    "trace": ["trace", "a.parquet", "--html", "trace.html"],
    "sweep": ["sweep", "grid.yaml"],
    "train": [
        "train",
        "full",
        "--model",
        "tiny",
        "--task",
        "copy",
        "--samples",
        "4",
        "--validation",
        "0",
        "--out",
        "t",
    ],
}


@pytest.mark.parametrize("size", [0, 500])
@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_succeeds_and_older_files_are_as_they_were(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, size: int
) -> None:
    before = {path: (folder / path).read_bytes() for path in files(folder)}
    capsys.readouterr()
    with room_for(size):
        code = root._run(COMMANDS[name])
    said = capsys.readouterr()
    assert code == 2, said
    assert "File too large" in said.err
    assert said.out == ""
    kept = {path: (folder / path).read_bytes() for path in before}
    assert kept == before
    new = set(files(folder)) - set(before)
    assert not {path for path in new if path.endswith((".parquet", ".html")) or "tmp" in path}


def test_there_is_room_again_and_the_run_goes_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with room_for(3_000):
        assert root._run(COMMANDS["decode"]) == 2
    assert root._run(COMMANDS["decode"]) == 0
    assert len(list(read_rows(folder / "a.parquet", "generations"))) == 4
    assert not list(folder.glob("*.journal.jsonl"))


def test_a_sweep_ends_at_the_first_run_that_cannot_be_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others could not either; it would decode for days to say so."""
    with room_for(500):
        assert root._run(COMMANDS["sweep"]) == 2
    said = capsys.readouterr().err
    assert "0 of 2 runs are done" in said
    assert "[2/2]" not in said
    assert root._run(COMMANDS["sweep"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    "arguments", [["models", "list"], ["samplers", "list", "--json"], ["--version"], ["--help"]]
)
def test_results_that_cannot_be_printed_are_an_error(run: Run, arguments: list[str]) -> None:
    said = run(*arguments, child=pbench_to, stdout="/dev/full")
    assert said.code == 2
    assert len(said.errors) == 1
    assert said.errors[0].endswith("No space left on device")


def test_notes_that_cannot_be_printed_stop_nothing(run: Run, tmp_path: Path, cache: str) -> None:
    arguments = ["decode", "--tasks", "copy", "--limit", "2", "--k", "32", "--out", "a.parquet"]
    said = run(*arguments, child=pbench_to, stderr="/dev/full", XDG_CACHE_HOME=cache)
    assert (said.code, said.out) == (0, "a.parquet\n")
    said = run(*arguments, child=pbench_to, stderr="/dev/full", XDG_CACHE_HOME=cache)  # has a note to give
    assert (said.code, said.out) == (0, "a.parquet\n")
