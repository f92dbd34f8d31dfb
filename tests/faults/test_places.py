"""Folders that cannot be written to, and clocks that go backwards."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from pbench.artifacts import read_rows
from pbench.cli import app as root
from tests.faults.children import pbench_locked_out
from tests.faults.conftest import Run, in_process

DECODE = ["decode", "--tasks", "copy", "--limit", "2", "--k", "32"]
TRAIN = ["train", "full", "--model", "tiny", "--task", "copy", "--samples", "2", "--validation", "0"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str) -> Path:
    """`locked`: a run, its scores and data, soon not to be written to."""
    in_process(tmp_path, monkeypatch, cache)
    assert root._run([*DECODE, "--out", "locked/a.parquet"]) == 0
    assert root._run(["score", "locked/a.parquet"]) == 0
    assert root._run(["tasks", "build", "copy", "--out", "locked/data"]) == 0
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([*DECODE, "--out", "locked/b.parquet"], 2),
        ([*DECODE, "--out", "locked/new/b.parquet"], 2),
        (["score", "locked/a.parquet", "--force"], 2),
        (["report", "locked", "--out", "locked/r.md"], 2),
        (
            [
                "sweep",
                "quick",
                "--limit",
                "1",
                "--only",
                "sampler=confidence,k=32,task=*copy",
                "--out",
                "locked",
            ],
            2,
        ),
        ([*TRAIN, "--out", "locked/t"], 2),
        (["trace", "locked/a.parquet", "--html", "locked/a.html"], 2),
        (["score", "locked/a.parquet"], 0),
        (["report", "locked"], 0),
        ([*DECODE, "--data", "locked/data", "--out", "b.parquet"], 0),
        (["score", "locked/a.parquet", "--out", "b.scores.parquet"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_folder_that_is_read_only(
    run: Run, folder: Path, cache: str, arguments: list[str], code: int
) -> None:
    """It can be read from; what would be written there is one error that names the place."""
    said = run(*arguments, child=pbench_locked_out, XDG_CACHE_HOME=cache)
    if said.code == 77:
        pytest.skip("neither permissions nor a read-only mount bind this user")
    assert said.code == code, said
    assert len(said.errors) == (code != 0)
    assert code == 0 or "locked/" in said.errors[0]


def test_a_cache_that_is_read_only(run: Run, folder: Path, cache: str) -> None:
    """What is in it is used; what is not cannot be built, and the error says where."""
    shutil.rmtree(folder / "locked")
    (folder / "locked").mkdir()
    empty = run(*DECODE, "--out", "b.parquet", child=pbench_locked_out, XDG_CACHE_HOME=str(folder / "locked"))
    if empty.code == 77:
        pytest.skip("neither permissions nor a read-only mount bind this user")
    assert empty.code == 2
    assert "locked/pbench" in empty.errors[0]
    os.rmdir(folder / "locked")
    filled = {"XDG_CACHE_HOME": str(folder / "locked")}
    assert run(*DECODE, "--out", "c.parquet", **filled).code == 0
    said = run(*DECODE, "--out", "d.parquet", child=pbench_locked_out, **filled)
    assert said.code == 0, said


def test_a_clock_that_goes_backwards_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files from the future are what they were, and no time that is measured is negative."""
    for path in folder.rglob("*.parquet"):
        os.utime(path, (2e9, 2e9))
    ticks = iter(range(2_000_000_000, 0, -1_000))
    monkeypatch.setattr(time, "time", lambda: float(next(ticks)))
    scores = (folder / "locked" / "a.scores.parquet").read_bytes()
    assert root._run(["score", "locked/a.parquet"]) == 0
    assert (folder / "locked" / "a.scores.parquet").read_bytes() == scores
    assert root._run([*DECODE, "--out", "locked/a.parquet", "--limit", "5"]) == 0
    assert root._run(["score", "locked/a.parquet"]) == 0
    rows = list(read_rows(folder / "locked" / "a.scores.parquet", "scores"))
    assert len(rows) == 5
    assert all(row.seconds is not None and row.seconds >= 0 for row in rows)
    assert root._run(["report", "locked"]) == 0
