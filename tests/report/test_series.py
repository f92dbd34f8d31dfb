import pytest

from tests.report.conftest import report_of
from tests.report.made import Run, write_scores, zeros_and_ones

TASKS = {"lists/copy": zeros_and_ones(1, 2)}


def series_for(folder, *runs):
    for number, run in enumerate(runs):
        write_scores(folder / f"{number}.parquet", run, TASKS)
    return report_of(folder).series


def test_points_of_a_sampler_stand_from_slow_to_fast(plain):
    found = {
        series.sampler: [point.settings.setting for point in series.points]
        for series in report_of(plain).series
    }
    assert found == {
        "confidence": ["k=1", "k=4", "k=32"],
        "threshold": ["gamma=0.9", "gamma=0.7", "gamma=0.5"],
    }


def test_fixed_settings_stand_in_one_order(tmp_path):
    run = Run(
        options=(("z", 1), ("k", 4), ("a", 0.5)),
        block_length=8,
        temperature=0.5,
        compat="parallelbench",
        labels=(("y", 2), ("b", 1)),
    )
    (series,) = series_for(tmp_path, run)
    assert series.settings == "a=0.5, z=1, block_length=8, temperature=0.5, compat=parallelbench, b=1, y=2"


def test_k_and_steps_are_two_curves(tmp_path):
    found = series_for(tmp_path, Run(options=(("k", 4),)), Run(options=(("steps", 8),)))
    assert sorted(series.parameter for series in found) == ["k", "steps"]


def test_dilated_sweeps_its_block_length(tmp_path):
    runs = [
        Run(sampler="dilated", options=(("skip_threshold", 0.3),), block_length=b) for b in (8, "full", 2)
    ]
    (series,) = series_for(tmp_path, *runs)
    assert [point.settings.setting for point in series.points] == [
        "block_length=2",
        "block_length=8",
        "block_length=full",
    ]
    assert series.settings == "skip_threshold=0.3"
    assert series.adaptive  # as on the public leaderboard


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["tiny"]),
        ({"dtype": "bfloat16"}, ["tiny bfloat16", "tiny float32"]),
        ({"model": "other"}, ["other", "tiny"]),
    ],
)
def test_model_names(tmp_path, changes, names):
    found = series_for(tmp_path, Run(), Run(options=(("k", 8),)).with_(**changes))
    assert [series.model for series in found] == names


def test_two_revisions_of_one_name_stay_apart(tmp_path):
    found = series_for(tmp_path, Run(), Run(revision="2"))
    assert len({series.model for series in found}) == 2
    assert all(series.model.startswith("tiny@") for series in found)


def test_fixed_settings_stand_in_the_name(tmp_path):
    run = Run(
        sampler="klass",
        options=(("gamma", 0.9), ("kl_threshold", 0.01)),
        cache="dual",
        labels=(("tuned", True),),
    )
    (series,) = series_for(tmp_path, run)
    assert series.name == "tiny · klass · kl_threshold=0.01, cache=dual, tuned=True"
    assert series.adaptive


def test_a_model_without_sampler(tmp_path):
    (series,) = series_for(tmp_path, Run(sampler=None, block_length=None))
    assert series.name == "tiny · autoregressive"
    assert series.points[0].settings.setting == "-"
