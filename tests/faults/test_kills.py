"""kill -9 wherever it hurts: what is in the journal stays, is decoded once, and the answers are the same."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from pbench.artifacts import read_rows
from pbench.artifacts.rows import to_row
from pbench.decode import journal_path
from tests.faults.children import LOG, scripted_run, tiny_run
from tests.faults.conftest import files
from tests.forks import ROOT, begun, finish, pbench, said, start

KILLS = 30
SEED = 20261122


def answers(out: Path) -> list[dict]:
    """Rows as they stand in the file, but for what a clock said."""
    return [to_row(replace(row, seconds=None)) for row in read_rows(out, "generations")]


def saved(out: Path) -> set[str]:
    """Samples that the run has reported as done, by file and journal, whatever is torn behind them."""
    found = {row.sample.sample_id for row in read_rows(out, "generations")} if out.exists() else set()
    if journal_path(out).exists():
        found |= {row["row"]["sample_id"] for row in _whole_lines(journal_path(out)) if "row" in row}
    return found


def _whole_lines(path: Path) -> Iterator[dict]:
    for line in path.read_bytes().splitlines():
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError:
            return


def logged(folder: Path) -> list[str]:
    path = folder / LOG
    return path.read_text().splitlines() if path.exists() else []


def test_thirty_kills_at_random_moments_lose_nothing_and_decode_nothing_twice(tmp_path: Path) -> None:
    """The run grows while it is killed, so that kills meet fresh runs, resumed ones and finished files."""
    moments = random.Random(SEED)
    out, whole = tmp_path / "runs" / "a.parquet", tmp_path / "whole" / "a.parquet"
    out.parent.mkdir()
    kills, samples, again = 0, 20, []
    while kills < KILLS:
        before, done = saved(out), len(logged(out.parent))
        process = start(tiny_run, str(out), samples)
        process.join(moments.uniform(0.02, 0.5))
        if process.is_alive():
            process.kill()
            kills += 1
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        again += [name for name in logged(out.parent)[done:] if name in before]
        assert before <= saved(out)
        samples += 10 * (process.exitcode == 0)
    assert finish(tiny_run, str(out), samples) == 0
    assert again == []
    assert files(out.parent) == ["a.parquet", LOG]
    whole.parent.mkdir()
    assert finish(tiny_run, str(whole), samples) == 0
    assert answers(out) == answers(whole)
    assert len(answers(out)) == samples


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_a_kill_before_each_file_operation_is_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """Of a run that extends a file of 3 samples to 4.

    Among the operations: between the Parquet file and the journal's end; between the rows of the
    .jsonl form and their manifest.
    """
    monkeypatch.setattr("pbench.decode.run.FLUSH_SECONDS", 0.0)
    earlier, whole = (_folder(tmp_path, name) / f"a.{ending}" for name in ("earlier", "whole"))
    scripted_run(str(earlier), 3)
    scripted_run(str(whole), 4)
    killed_at = []
    for number in range(200):
        out = Path(shutil.copytree(earlier.parent, tmp_path / str(number))) / earlier.name
        code = finish(scripted_run, str(out), 4, number)
        done = len(logged(out.parent))
        kept = saved(out) if ending == "parquet" else set()
        scripted_run(str(out), 4)
        assert answers(out) == answers(whole), number
        assert not kept & set(logged(out.parent)[done:]), number
        assert files(out.parent) == files(whole.parent)
        if code == 0:
            break
        killed_at.append(number)
    assert code == 0  # it has been killed before every operation that there is
    assert len(killed_at) > 20


def _folder(above: Path, name: str) -> Path:
    folder = above / name
    folder.mkdir()
    return folder


PROGRAM = "from tests.forks import endless; endless(); from pbench.cli import main; main()"


def test_the_command_itself_goes_on_after_a_kill(tmp_path: Path, cache: str) -> None:
    """Not a fork of this suite's server, but a program of its own; killed when it has saved answers."""
    arguments = ["decode", "--tasks", "copy", "--k", "1", "--limit", "6"]
    arguments += ["--batch-size", "1", "--out", "a.parquet", "--json"]
    command = [sys.executable, "-c", PROGRAM, *arguments]
    variables = os.environ | {"XDG_CACHE_HOME": cache, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=variables) as process:
        try:
            begun(process, tmp_path)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGKILL
    kept = len(saved(tmp_path / "a.parquet"))
    assert kept >= 2
    done = said(tmp_path, finish(pbench, arguments, str(tmp_path), XDG_CACHE_HOME=cache))
    assert orjson.loads(done.out)["decoded"] == 6 - kept
    assert len(answers(tmp_path / "a.parquet")) == 6
    assert files(tmp_path) == ["a.parquet"]
