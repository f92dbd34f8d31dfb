"""Samples files as decode finds, reads and thins them out."""

from __future__ import annotations

import re

import pytest

from pbench.artifacts import samples_hash, write_artifact
from pbench.decode.data import choose, find_tasks, read_task, spread
from pbench.errors import ArtifactError, UsageError
from tests.scripted import sample

KNOWN = ["waiting_line/copy", "waiting_line/sort", "waiting_line_n15/copy", "puzzle/sudoku_n4_12"]


def write(path, task="a/one", indices=range(2)):
    samples = [sample(index, task=task) for index in indices]
    return write_artifact(path, "samples", samples, {"task": task, "content_hash": samples_hash(samples)})


@pytest.mark.parametrize(
    ("limit", "indices"),
    [
        (1, [0]),
        (3, [0, 2, 5]),  # i * 0.618 mod 1: 0 .618 .236 .854 .472 .090 .708 .326 .944 .562
        (5, [0, 2, 4, 5, 7]),
        (9, [0, 1, 2, 3, 4, 5, 6, 7, 9]),
        (10, list(range(10))),
        (11, list(range(10))),
        (None, list(range(10))),
    ],
)
def test_a_limit_takes_the_same_samples_for_ever(limit, indices):
    assert [each.index for each in spread([sample(i) for i in range(10)], limit)] == indices


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (["waiting_line"], KNOWN[:2]),
        (["sort"], KNOWN[1:2]),
        (["puzzle/sudoku_n4_12", "waiting_line_n15", "sudoku_n4_12"], [KNOWN[3], KNOWN[2]]),
    ],
)
def test_tasks_are_chosen_by_full_name_by_group_and_by_short_name(wanted, chosen):
    assert choose(wanted, KNOWN) == chosen


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("copy", "'copy' can be any of waiting_line/copy, waiting_line_n15/copy; give the full name"),
        ("srot", "unknown task 'srot' (did you mean 'sort'?); known: puzzle/sudoku_n4_12, waiting_line/copy"),
    ],
)
def test_names_of_several_tasks_or_of_none_are_refused(name, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        choose([name], KNOWN)


def test_files_are_found_by_task_and_other_artifacts_are_passed_over(tmp_path):
    for folder in ("b", "a"):
        (tmp_path / folder).mkdir()
    paths = [write(tmp_path / "b/x.parquet", "b/two"), write(tmp_path / "a/y.jsonl", "a/one")]
    (tmp_path / "a/notes.jsonl").write_text("{}\n")
    assert list(find_tasks(tmp_path).items()) == [("a/one", paths[1]), ("b/two", paths[0])]
    write(tmp_path / "b/z.parquet", "a/one")
    with pytest.raises(ArtifactError, match=r"task 'a/one' is in .*y\.jsonl and in .*z\.parquet"):
        find_tasks(tmp_path)


def test_a_task_is_read_in_the_order_of_its_file(tmp_path):
    found = read_task(write(tmp_path / "x.parquet", indices=[1, 0]))
    assert (found.name, [each.index for each in found.samples]) == ("a/one", [1, 0])
    assert found.content_hash == samples_hash(found.samples)


@pytest.mark.parametrize(("indices", "words"), [([], "holds no samples"), ([0, 1, 0], "stands twice")])
def test_files_without_a_sample_and_with_one_twice_are_refused(tmp_path, indices, words):
    with pytest.raises(ArtifactError, match=words):
        read_task(write(tmp_path / "x.parquet", indices=indices))
