"""Many files are read in worker processes as few are read here."""

import os

import numpy as np
import pytest

from pbench.artifacts import write_artifact
from pbench.errors import ArtifactError, PbenchError
from pbench.report import reader
from pbench.report.reader import read_many
from pbench.report.sheet import PER_ROW
from tests.artifacts.conftest import make_generation
from tests.report.made import Answer, Run, write_scores, zeros_and_ones


@pytest.fixture
def paths(tmp_path):
    """Scores of one and of two tasks, without rows and as JSONL; generations; a file of another's."""
    tasks = {"lists/b": zeros_and_ones(2, 3), "lists/a": [Answer(0.25, nfe=None), Answer(None)]}
    made = [
        write_scores(tmp_path / "one.parquet", Run(), {"lists/a": zeros_and_ones(1, 4)}),
        write_scores(tmp_path / "two.jsonl", Run(), tasks),
        write_artifact(tmp_path / "generations.parquet", "generations", [make_generation(0)], {}),
        write_scores(tmp_path / "none.parquet", Run(), {"lists/c": []}),
        write_scores(tmp_path / "again.parquet", Run(), tasks),
    ]
    (tmp_path / "other.jsonl").write_text("{}\n")
    return [*made, tmp_path / "other.jsonl"]


@pytest.fixture
def apart(monkeypatch):
    """Two worker processes, however few files there are, and two files of one message."""
    monkeypatch.setattr(reader, "_FILES_WORTH_A_WORKER", 1)
    monkeypatch.setattr(reader, "cores", lambda: 2)
    monkeypatch.setattr(reader, "_AT_ONCE", 2)


def plain(found):
    """Manifests and rows as lists, with the tasks by name."""
    return [
        one
        and (
            one.manifest,
            one.sheet
            and {
                "tasks": [one.sheet.tasks[code] for code in one.sheet.task],
                **{name: getattr(one.sheet, name).tolist() for name in PER_ROW if name != "task"},
            },
        )
        for one in found
    ]


def test_workers_read_what_is_read_here(paths, apart, monkeypatch):
    found = plain(read_many(paths))
    monkeypatch.setattr(reader, "cores", lambda: 1)
    np.testing.assert_equal(found, plain(read_many(paths)))  # NaN equals NaN
    rows = [one and one[1] and len(one[1]["tasks"]) for one in found]
    assert rows == [4, 5, None, 0, 5, None]
    assert found[-1] is None
    assert found[2][0]["kind"] == "generations"
    assert found[1][1]["tasks"] == ["lists/b"] * 3 + ["lists/a"] * 2
    assert found[1][1]["value"][:4] == [1.0, 1.0, 0.0, 0.25]


def test_the_first_corrupt_file_is_raised_at_its_turn(paths, apart):
    for path in (paths[4], paths[3]):
        path.write_bytes(path.read_bytes()[:-30])
    found = []
    with pytest.raises(ArtifactError, match=r"none\.parquet"):
        found.extend(read_many(paths))
    assert len(found) == 3


def die(_paths):
    os._exit(9)


def test_a_killed_worker_is_said(paths, apart, monkeypatch):
    monkeypatch.setattr(reader, "_read_apart", die)
    with pytest.raises(PbenchError, match="killed; run the report again"):
        list(read_many(paths))


def test_few_files_start_no_process(paths, monkeypatch):
    monkeypatch.setattr(reader, "worker_pool", None)
    monkeypatch.setattr(reader, "cores", lambda: 8)
    assert len(list(read_many(paths))) == len(paths)
