import os

import pytest

from pbench.artifacts import read_manifest
from pbench.report.find import find_scores
from tests.report.made import Run, write_scores
from tests.report.test_find import TASKS, write_generations

EARLY, LATE = 1_000_000_000, 2_000_000_000


def scored(folder, name="x"):
    """Generations and scores of one run, made in this order."""
    generations = write_generations(folder / f"{name}.parquet")
    scores = write_scores(folder / f"{name}.scores.parquet", Run(), TASKS)
    os.utime(generations, (EARLY, EARLY))
    return generations, scores


def test_a_run_is_not_scored_because_one_of_its_name_elsewhere_is(tmp_path):
    scored(tmp_path / "a")
    other = write_generations(tmp_path / "b" / "x.parquet")
    assert find_scores([tmp_path]).notes == (f"{other} is not scored: pbench score {other}",)


def test_scores_in_another_folder_are_those_of_the_run_that_they_state(tmp_path):
    generations, scores = scored(tmp_path / "runs")
    write_generations(tmp_path / "x.parquet")
    (tmp_path / "linked.parquet").symlink_to(generations)
    notes = find_scores([tmp_path]).notes
    assert [note.split()[0] for note in notes] == [str(tmp_path / "x.parquet")]
    assert str(generations) == read_manifest(scores)["generations"]["path"]


def test_scores_that_were_moved_away_count_by_name(tmp_path):
    path = tmp_path / "gone" / "x.scores.parquet"
    write_scores(path, Run(), TASKS)
    write_generations(tmp_path / "x.parquet")
    assert find_scores([tmp_path]).notes == ()


def test_generations_that_changed_after_scoring_are_named(tmp_path):
    generations, scores = scored(tmp_path)
    assert find_scores([tmp_path]).notes == ()
    os.utime(generations, (LATE, LATE))  # the made scores state another hash than that of this file
    (note,) = find_scores([scores]).notes
    assert (
        note == f"{generations} changed since it was scored; the scores are old: pbench score {generations}"
    )


@pytest.mark.parametrize("change", ["touched", "copied"])
def test_the_same_bytes_are_no_change(tmp_path, monkeypatch, change):
    generations, scores = scored(tmp_path)
    stated = read_manifest(scores)["generations"]["sha256"]
    monkeypatch.setattr("pbench.report.sources.file_hash", lambda path: stated)
    if change == "copied":
        generations.write_bytes(generations.read_bytes())
    os.utime(generations, (LATE, LATE))
    assert find_scores([tmp_path]).notes == ()
