import pytest

from pbench.errors import UsageError
from tests.report.conftest import LISTS, report_of
from tests.report.made import Answer, Run, write_scores, zeros_and_ones


def test_files_of_one_run_point_are_merged(tmp_path):
    write_scores(tmp_path / "a.parquet", Run(), {"lists/copy": zeros_and_ones(10, 10)})
    write_scores(tmp_path / "b.parquet", Run(seed=7), {"lists/shuffle": zeros_and_ones(5, 10)})
    (point,) = report_of(tmp_path).points
    assert {task: stats.score for task, stats in point.tasks.items()} == {
        "lists/copy": 1.0,
        "lists/shuffle": 0.5,
    }
    assert len(point.files) == 2
    assert point.complete
    assert len(point.config_ids) == 2
    assert list(point.config_ids) == sorted(point.config_ids)


def test_the_same_result_twice_counts_once(tmp_path):
    tasks = {
        task: [Answer(1.0, seconds=1.0), Answer(None, nfe=None, status="error"), Answer(0.5)]
        for task in LISTS.tasks
    }
    write_scores(tmp_path / "a.parquet", Run(), tasks)
    again = {
        task: [Answer(one.value, one.nfe, one.status, seconds=9.0) for one in found]
        for task, found in tasks.items()
    }
    write_scores(tmp_path / "b.parquet", Run(), again)
    (point,) = report_of(tmp_path).points
    assert [(stats.n, stats.errors, stats.score) for stats in point.tasks.values()] == [(2, 1, 0.75)] * 2


@pytest.mark.parametrize(
    "other", [Answer(0.0), Answer(1.0, nfe=4), Answer(None, status="error"), Answer(None)]
)
def test_another_result_of_the_same_sample_is_refused(tmp_path, other):
    write_scores(tmp_path / "a.parquet", Run(), {"lists/copy": [Answer(1.0), Answer(1.0)]})
    write_scores(tmp_path / "b.parquet", Run(seed=7), {"lists/copy": [Answer(1.0), other]})
    with pytest.raises(UsageError) as refused:
        report_of(tmp_path)
    message = str(refused.value)
    assert "sample lists/copy/1 stands twice" in message
    assert str(tmp_path / "a.parquet") in message
    assert str(tmp_path / "b.parquet") in message
    assert "seed 0 and 7" in message


def test_runs_that_vary_in_nothing_are_refused_without_a_difference(tmp_path):
    for name, right in (("a", 1), ("b", 0)):
        write_scores(tmp_path / f"{name}.parquet", Run(), {"lists/copy": zeros_and_ones(right, 1)})
    with pytest.raises(UsageError, match=r"b\.parquet; report one of them"):
        report_of(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "other"},
        {"revision": "2"},
        {"options": (("k", 2),)},
        {"sampler": "random"},
        {"block_length": 8},
        {"cache": "dual"},
        {"temperature": 0.5},
        {"compat": "parallelbench"},
        {"dtype": "bfloat16"},
        {"labels": (("a", "b"),)},
    ],
)
def test_every_setting_makes_another_point(tmp_path, changes):
    write_scores(tmp_path / "a.parquet", Run(), {"lists/copy": zeros_and_ones(1, 2)})
    write_scores(tmp_path / "b.parquet", Run().with_(**changes), {"lists/copy": zeros_and_ones(0, 2)})
    assert sorted(point.tasks["lists/copy"].score for point in report_of(tmp_path).points) == [0.0, 0.5]
