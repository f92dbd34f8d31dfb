"""A sweep that is killed at random places and started again: the same report, byte for byte."""

from __future__ import annotations

import random
import signal
from pathlib import Path

from tests.faults.children import pbench_killed
from tests.forks import finish, pbench

KILLS = 3
SEED = 9
RUNS = 6
OPERATIONS = (10, 45)  # of files, of which the whole sweep has many more: each kill leaves something to do
GRID = """\
description: quick, shrunk to a few seconds
tasks: [copy, shuffle]
limit: 4
matrix:
  model: tiny
  sampler:
    - name: [random, confidence]
      k: [2, 8]
    - name: threshold
      gamma: [0.5, 0.9]
"""


def command(folder: Path, *arguments: str, cache: Path) -> str:
    """What a command line in `folder` prints; it must end well."""
    code = finish(pbench, arguments, str(folder), XDG_CACHE_HOME=str(cache))
    assert code == 0, (folder / "err").read_text()
    return (folder / "out").read_text()


def reported(folder: Path, cache: Path) -> str:
    """The report, without the seconds that only its JSON and CSV forms have."""
    command(folder, "score", "runs", cache=cache)
    return command(folder, "report", "runs", "--format", "md", cache=cache)


def unfinished(folder: Path) -> bool:
    """Whether a kill left something to do: a journal, or runs that have no file yet."""
    return len(list(folder.glob("runs/*.parquet"))) < RUNS or bool(list(folder.glob("runs/*.journal.jsonl")))


def test_three_kills_and_a_resume_give_the_report_of_an_undisturbed_sweep(tmp_path: Path):
    moments = random.Random(SEED)
    killed, whole, cache = tmp_path / "killed", tmp_path / "whole", tmp_path / "cache"
    for folder in (killed, whole):
        folder.mkdir()
        (folder / "grid.yaml").write_text(GRID)
    paths = command(whole, "sweep", "grid.yaml", cache=cache).splitlines()
    assert len(paths) == RUNS
    again = ["sweep", "grid.yaml", "--batch-size", "2"]
    for _ in range(KILLS):
        at = moments.randrange(*OPERATIONS)
        assert finish(pbench_killed, again, str(killed), at, XDG_CACHE_HOME=str(cache)) == -signal.SIGKILL
        assert unfinished(killed)
    assert command(killed, "sweep", "grid.yaml", cache=cache).splitlines() == paths
    assert sorted(path.name for path in killed.glob("runs/*")) == sorted(Path(path).name for path in paths)
    assert reported(killed, cache) == reported(whole, cache)
