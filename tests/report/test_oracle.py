import numpy as np
import pytest

from pbench.report.oracle import best_setting
from tests.report.conftest import LISTS, report_of
from tests.report.made import Answer, Run, write_scores


def sweep(folder, by_gamma):
    for gamma, tasks in by_gamma.items():
        run = Run(sampler="threshold", options=(("gamma", gamma),))
        write_scores(folder / f"{gamma}.parquet", run, tasks)


def test_best_value_first_then_fewest_steps_then_the_first():
    value = np.array([[1, 1, 0, 1], [1, 0, 0, 1]])
    steps = np.array([[8, 8, 8, 4], [4, 4, 4, 4]])
    assert best_setting(value, steps).tolist() == [1, 0, 1, 0]


def test_oracle_by_hand(tmp_path):
    slow = {
        "lists/copy": [Answer(1.0, nfe=16), Answer(1.0, nfe=16)],
        "lists/shuffle": [Answer(1.0, nfe=32), Answer(0.0, nfe=32)],
    }
    fast = {
        "lists/copy": [Answer(1.0, nfe=8), Answer(0.0, nfe=8)],
        "lists/shuffle": [Answer(0.0, nfe=8), Answer(0.0, nfe=8)],
    }
    sweep(tmp_path, {0.9: slow, 0.5: fast})
    (found,) = report_of(tmp_path).oracle
    assert found.tasks["lists/copy"].score == 1.0
    assert found.tasks["lists/copy"].tokens_per_step == pytest.approx((4 + 2) / 2)
    assert found.tasks["lists/shuffle"].score == 0.5
    assert found.tasks["lists/shuffle"].tokens_per_step == pytest.approx((1 + 4) / 2)
    assert found.score == 0.75
    assert found.tokens_per_step == pytest.approx(2.75)
    # gamma 0.9 alone has the same mean, 0.75, at (2 + 1) / 2 tokens per step
    assert found.adaptivity_gap == pytest.approx(2.75 / 1.5)
    assert found.why is None


def test_no_gap_where_no_single_threshold_is_as_good(tmp_path):
    first = {task: [Answer(1.0, nfe=8), Answer(0.0, nfe=8)] for task in LISTS.tasks}
    second = {task: [Answer(0.0, nfe=4), Answer(1.0, nfe=4)] for task in LISTS.tasks}
    sweep(tmp_path, {0.9: first, 0.5: second})
    (found,) = report_of(tmp_path).oracle
    assert found.score == 1.0
    assert found.adaptivity_gap is None
    assert "no single threshold" in found.why


def test_only_samples_that_every_threshold_answered(tmp_path):
    first = {task: [Answer(1.0, nfe=8), Answer(None, nfe=None, status="error")] for task in LISTS.tasks}
    second = {task: [Answer(1.0, nfe=4), Answer(1.0, nfe=1)] for task in LISTS.tasks}
    sweep(tmp_path, {0.9: first, 0.5: second})
    (found,) = report_of(tmp_path).oracle
    assert [(task.n, task.tokens_per_step) for task in found.tasks.values()] == [(1, 8.0), (1, 8.0)]


def test_samples_that_any_threshold_left_without_value_or_steps_do_not_count(tmp_path):
    error, unknown, fine = Answer(None, nfe=None, status="error"), Answer(1.0, nfe=None), Answer(1.0, nfe=4)
    first = [Answer(1.0, nfe=8), Answer(None), unknown, Answer(1.0, nfe=2), Answer(1.0, nfe=8)]
    second = [error, fine, fine, Answer(1.0, nfe=1), fine]
    sweep(tmp_path, {0.9: dict.fromkeys(LISTS.tasks, first), 0.5: dict.fromkeys(LISTS.tasks, second)})
    (found,) = report_of(tmp_path).oracle
    assert [(task.n, task.tokens_per_step) for task in found.tasks.values()] == [(2, (32 + 8) / 2)] * 2


def test_only_tasks_that_every_threshold_has_and_answered(tmp_path):
    copy, shuffle = LISTS.tasks
    failed = [Answer(None, nfe=None, status="error")]
    sweep(tmp_path, {0.9: {copy: failed, shuffle: [Answer(1.0, nfe=8)]}, 0.5: {copy: [Answer(1.0, nfe=4)]}})
    assert report_of(tmp_path).oracle == ()
    sweep(tmp_path, {0.5: {copy: [Answer(1.0, nfe=4)], shuffle: [Answer(1.0, nfe=4)]}})
    (found,) = report_of(tmp_path).oracle
    assert {task: (own.n, own.tokens_per_step) for task, own in found.tasks.items()} == {shuffle: (1, 8.0)}


def test_one_threshold_is_no_sweep(tmp_path):
    sweep(tmp_path, {0.9: {task: [Answer(1.0, nfe=8)] for task in LISTS.tasks}})
    assert report_of(tmp_path).oracle == ()


def test_threshold_sweeps_only(plain):
    assert [row.series.sampler for row in report_of(plain).oracle] == ["threshold"]
