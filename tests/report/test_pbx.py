"""PBx on cases made by hand."""

import pytest

from pbench.report.pbx import interpolated_speed, measured_speed
from pbench.report.points import SuiteTasks
from tests.report.conftest import LISTS, report_of
from tests.report.made import Answer, Run, write_scores, zeros_and_ones


def pbx_of(folder, sampler, suite=LISTS):
    (row,) = [row for row in report_of(folder, suite).pbx if row.series.sampler == sampler]
    return row


@pytest.mark.parametrize(
    ("curve", "measured", "interpolated"),
    [
        ([], None, None),
        ([(1, 0.79)], None, None),
        ([(3, 0.8)], 3, 3),
        ([(1, 1.0), (3, 0.6)], 1, 2),  # crosses half way
        ([(1, 0.6), (3, 1.0)], 3, 3),  # rising: the last point counts
        ([(1, 0.9), (2, 0.5), (4, 0.9), (6, 0.7)], 4, 5),  # not monotone: the last crossing counts
        ([(1, 0.9), (2, 0.5), (4, 0.7)], 1, 1.25),
        ([(2, 0.7), (2, 0.9), (4, 0.7)], 2, 3),  # of equal speeds the best counts
        ([(4, 0.7), (1, 0.9)], 1, 2.5),  # order of arrival does not matter
        ([(1, 0.8), (5, 0.8)], 5, 5),
        ([(1, 0.1 + 0.7), (2, 0.8 - 1e-16)], 2, 2),  # rounding of a mean is forgiven
    ],
)
def test_speed_at_80_percent(curve, measured, interpolated):
    assert measured_speed(curve, 0.8) == measured
    assert interpolated_speed(curve, 0.8) == (interpolated and pytest.approx(interpolated))


@pytest.mark.parametrize("level", [90, 80, 75, 70, 60])
def test_each_level_is_reached_at_its_percent_and_not_below(tmp_path, level):
    for k, score in ((1, level / 100), (4, level / 100 - 0.002)):
        tasks = {task: [Answer(score, nfe=32 // k)] * 3 for task in LISTS.tasks}
        write_scores(tmp_path / f"{k}.parquet", Run(options=(("k", k),)), tasks)
    row = pbx_of(tmp_path, "confidence")
    assert row.measured == {x: None if x > level else 1.0 if x == level else 4.0 for x in row.measured}
    assert row.measured_ci95[level] == (1.0, 1.0)  # answers that are all alike


def test_static_sampler_is_measured_only(plain):
    row = pbx_of(plain, "confidence")
    # means of copy and shuffle: k=1 100 %, k=4 80 %, k=32 50 %
    assert row.measured == {90: 1.0, 80: 4.0, 75: 4.0, 70: 4.0, 60: 4.0}
    assert row.interpolated == dict.fromkeys(row.measured)
    assert row.why is None
    assert row.excluded == ()


def test_adaptive_sampler_is_interpolated(plain):
    row = pbx_of(plain, "threshold")
    # gamma 0.9: 4 tokens a step, 97.5 %; 0.7: 5.33, 87.5 %; 0.5: 8, 62.5 %
    assert row.measured == {
        90: 4.0,
        80: pytest.approx(16 / 3),
        75: pytest.approx(16 / 3),
        70: pytest.approx(16 / 3),
        60: 8.0,
    }
    assert row.interpolated[90] == pytest.approx(4 + 0.75 * 4 / 3)
    assert row.interpolated[75] == pytest.approx(16 / 3 + 0.5 * 8 / 3)
    assert row.interpolated[60] == 8.0


def test_never_reached_is_null_with_the_reason(tmp_path):
    write_scores(
        tmp_path / "a.parquet",
        Run(),
        {"lists/copy": zeros_and_ones(13, 20), "lists/shuffle": zeros_and_ones(13, 20)},
    )
    row = pbx_of(tmp_path, "confidence")
    assert row.measured == {90: None, 80: None, 75: None, 70: None, 60: 4.0}
    assert row.why == "90, 80, 75, 70 never reached (best mean 65.0 at k=4)"


def test_a_point_without_a_task_has_no_pbx_and_says_why(tmp_path):
    write_scores(tmp_path / "a.parquet", Run(), {"lists/copy": zeros_and_ones(20, 20)})
    row = pbx_of(tmp_path, "confidence")
    assert set(row.measured.values()) == {None}
    assert "no run point has all of suite lists" in row.why
    assert "lists/shuffle" in row.why


def test_one_incomplete_point_is_left_out_and_named(tmp_path):
    tasks = {"lists/copy": zeros_and_ones(20, 20), "lists/shuffle": zeros_and_ones(20, 20)}
    write_scores(tmp_path / "k4.parquet", Run(), tasks)
    failed = [*zeros_and_ones(19, 19, nfe=1), Answer(None, nfe=None, status="error")]
    fast = {"lists/copy": zeros_and_ones(20, 20, nfe=1), "lists/shuffle": failed}
    write_scores(tmp_path / "k32.parquet", Run(options=(("k", 32),)), fast)
    row = pbx_of(tmp_path, "confidence")
    assert row.measured[90] == 4.0
    assert [(one.setting, one.why) for one in row.excluded] == [
        ("k=32", "lists/shuffle: 1 of 20 samples failed")
    ]


def test_unknown_steps_give_no_pbx(tmp_path):
    tasks = {
        "lists/copy": zeros_and_ones(20, 20, nfe=None),
        "lists/shuffle": zeros_and_ones(20, 20, nfe=None),
    }
    write_scores(tmp_path / "a.parquet", Run(sampler=None), tasks)
    row = pbx_of(tmp_path, None)
    assert set(row.measured.values()) == {None}
    assert row.why == "its tokens per step are unknown"


def test_tasks_outside_the_suite_do_not_count(tmp_path):
    tasks = {"lists/copy": zeros_and_ones(20, 20), "other/hard": zeros_and_ones(0, 20)}
    write_scores(tmp_path / "a.parquet", Run(), tasks)
    assert pbx_of(tmp_path, "confidence", SuiteTasks("one", ("lists/copy",))).measured[90] == 4.0


def test_other_settings_are_other_curves(tmp_path):
    tasks = {"lists/copy": zeros_and_ones(20, 20), "lists/shuffle": zeros_and_ones(20, 20)}
    for number, changes in enumerate(
        ({}, {"cache": "dual"}, {"block_length": 8}, {"temperature": 1.0}, {"compat": "parallelbench"})
    ):
        write_scores(tmp_path / f"{number}.parquet", Run().with_(**changes), tasks)
    report = report_of(tmp_path)
    assert sorted(row.series.settings for row in report.pbx) == [
        "",
        "block_length=8",
        "cache=dual",
        "compat=parallelbench",
        "temperature=1",
    ]


def test_interval_of_the_measured_value(plain):
    row = pbx_of(plain, "confidence")
    low, high = row.measured_ci95[80]
    assert low is not None
    assert low < 4.0 <= high
    assert row.measured_ci95[60] == (4.0, 4.0)


def test_interval_of_the_interpolated_value_recomputed_by_a_loop(plain):
    row = pbx_of(plain, "threshold")
    points = row.series.points
    speeds = [point.overall.tokens_per_step for point in points]
    found = sorted(
        interpolated_speed(list(zip(speeds, scores, strict=True)), 0.75) or 0.0
        for scores in zip(*(point.resamples for point in points), strict=True)
    )
    assert row.interpolated_ci95[75] == (found[24], found[974])
    low, high = row.interpolated_ci95[75]
    assert low < row.interpolated[75] < high
    assert set(pbx_of(plain, "confidence").interpolated_ci95.values()) == {None}


def test_dilated_unmasking_is_interpolated_as_on_the_public_leaderboard(tmp_path):
    for block, right, nfe in ((8, 20, 16), (32, 12, 8)):
        run = Run(sampler="dilated", options=(("skip_threshold", 0.3),), block_length=block)
        tasks = {task: zeros_and_ones(right, 20, nfe=nfe) for task in LISTS.tasks}
        write_scores(tmp_path / f"{block}.parquet", run, tasks)
    row = pbx_of(tmp_path, "dilated")
    assert row.measured[80] == 2.0
    assert row.interpolated[80] == pytest.approx(3.0)
