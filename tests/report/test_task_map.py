"""Parallelizability and order preference on curves made by hand."""

from dataclasses import replace

import pytest

from pbench.report.payload import payload
from pbench.report.points import SuiteTasks
from pbench.report.tables import task_table
from pbench.report.task_map import order_preference, parallelizability
from tests.report.conftest import report_of
from tests.report.made import Run, write_scores, zeros_and_ones

TASK = "lists/copy"
SUITE = SuiteTasks("one", (TASK,))


def write(folder, name, right, **changes):
    write_scores(folder / f"{name}.parquet", Run().with_(**changes), {TASK: zeros_and_ones(right, 10)})


def place_of(folder):
    (place,) = report_of(folder, SUITE).task_map
    return place


@pytest.mark.parametrize(
    ("scores", "centre"),
    [
        ({1: 1.0, 2: 1.0, 4: 1.0}, 7 / 3),
        ({1: 1.0, 2: 0.0, 4: 0.0}, 1.0),
        ({1: 0.5, 2: 0.25, 4: 0.25}, 2.0),
        ({1: 0.0, 2: 0.0}, None),
    ],
)
def test_centre_of_mass(scores, centre):
    assert parallelizability(scores) == (centre and pytest.approx(centre))


@pytest.mark.parametrize(
    ("scores", "preference"),
    [
        ({2: 1.0, 4: 0.8, 8: 0.6}, 0.2),  # worse with every doubling: left to right is better
        ({2: 0.2, 32: 0.6}, -0.1),
        ({2: 0.5, 4: 0.5}, 0.0),
        ({8: 0.5}, None),
        ({}, None),
    ],
)
def test_order_preference(scores, preference):
    found = order_preference(scores)
    assert found == (preference if preference is None else pytest.approx(preference, abs=1e-12))


def test_no_order_at_all_is_no_minus_zero():
    assert str(order_preference({2: 0.0, 4: 0.0})) == "0.0"


def test_any_order_alone_counts_and_curves_are_averaged(tmp_path):
    for k, right in ((1, 10), (2, 5), (4, 5)):
        write(tmp_path, f"c{k}", right, options=(("k", k),))
    for k, right in ((1, 10), (2, 10), (4, 0)):
        write(tmp_path, f"r{k}", right, sampler="random", block_length=32, options=(("k", k),))
    write(tmp_path, "z-blocks", 10, block_length=8, options=(("k", 4),))
    write(tmp_path, "adaptive", 10, sampler="threshold", options=(("gamma", 0.9),))
    assert place_of(tmp_path).parallelizability == pytest.approx(((1 + 1 + 2) / 2 + (1 + 2) / 2) / 2)


def test_the_static_samplers_alone_count(tmp_path):
    samplers = ("random", "left-to-right", "confidence", "margin", "entropy", "remdm")
    write_scores(tmp_path / "a.parquet", Run(), {"other/task": zeros_and_ones(1, 2)})
    for right, sampler in enumerate(samplers):
        write(tmp_path, f"r{right}-1", 10, sampler=sampler, options=(("k", 1),))
        write(tmp_path, f"r{right}-2", right, sampler=sampler, options=(("k", 2),))
    centres = [(10 + 2 * right) / (10 + right) for right in range(5)]
    place = report_of(tmp_path, SUITE).task_map[0]  # the task of the suite comes first
    assert place.parallelizability == pytest.approx(sum(centres) / 5)


def test_a_curve_with_fewer_settings_is_left_out(tmp_path):
    for k in (1, 2, 4):
        write(tmp_path, f"c{k}", 10, options=(("k", k),))
    write(tmp_path, "r1", 10, sampler="random", options=(("k", 1),))
    write(tmp_path, "r2", 10, sampler="random", options=(("k", 2),))
    write(tmp_path, "odd", 10, options=(("k", 3),))
    assert place_of(tmp_path).parallelizability == pytest.approx(7 / 3)


def test_order_preference_is_taken_at_two_tokens_a_step_and_full_is_the_length(tmp_path):
    for block, right in ((1, 0), (2, 9), (4, 8), ("full", 5)):
        write(tmp_path, f"b{block}", right, block_length=block, options=(("k", 2),))
    for block, right in ((2, 0), (4, 10)):
        write(tmp_path, f"k4{block}", right, block_length=block, options=(("k", 4),))
    assert place_of(tmp_path).order_preference == pytest.approx(0.1)  # 2, 4, 32: 0.9, 0.8, 0.5


def test_zeros_and_missing_settings_are_null_with_the_reason(tmp_path):
    write(tmp_path, "k1", 0, options=(("k", 1),))
    assert "two values of k" in place_of(tmp_path).why
    write(tmp_path, "k2", 0, options=(("k", 2),))
    place = place_of(tmp_path)
    assert (place.parallelizability, place.order_preference) == (None, None)
    assert place.why == "all scores are 0; no static sampler at k=2 with two block lengths"


def test_table_and_json(tmp_path):
    for k in (1, 2):
        write(tmp_path, f"k{k}", 10, options=(("k", k),))
    report = report_of(tmp_path, SUITE)
    assert task_table(report).rows == (("copy", "1.50", "–"),)
    info = payload(report)["tasks"][TASK]
    assert (info["parallelizability"], info["order_preference"]) == (1.5, None)
    assert "block lengths" in info["why"]


def test_no_minus_zero_in_the_table(tmp_path):
    """A fit through equal scores leaves a slope of some 1e-17, of either sign."""
    for block in (2, 8, "full"):
        run = Run(options=(("k", 2),), block_length=block)
        write_scores(tmp_path / f"{block}.parquet", run, {"lists/copy": zeros_and_ones(5, 6)})
    report = report_of(tmp_path)
    assert abs(report.task_map[0].order_preference) < 1e-9
    tiny = replace(report, task_map=(replace(report.task_map[0], order_preference=-1e-17),))
    assert task_table(tiny).rows[0][2] == "+0.0"
