import numpy as np
import pytest
from scipy.stats import bootstrap

from pbench.metrics.bootstrap import RESAMPLES, interval, intervals, resampled_means, resampled_shares


@pytest.mark.parametrize("values", [np.repeat([1.0, 0.0], [30, 70]), np.linspace(0.1, 0.9, 50) ** 2])
def test_agrees_with_scipy(values):
    ours = interval(resampled_means(values, "a"))
    theirs = bootstrap(
        (values,), np.mean, method="percentile", n_resamples=5_000, rng=np.random.default_rng(1)
    )
    assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.012)


def test_the_stream_is_that_of_the_names():
    values = np.array([0.0, 1.0, 1.0, 0.3])
    first = resampled_means(values, "task")
    assert first.shape == (RESAMPLES,)
    assert (first == resampled_means(values, "task")).all()
    assert (first != resampled_means(values, "other")).any()


def test_no_spread_no_width():
    assert interval(resampled_means(np.ones(9), "a")) == (1.0, 1.0)
    for value in (0.9, 0.7):  # no sum of rounded values: else the mean lies outside its interval
        assert interval(resampled_means(np.full(20, value), "a")) == pytest.approx((value, value), abs=1e-14)


def test_run_points_on_the_same_samples_are_resampled_together():
    values = np.random.default_rng(0).random(40)
    assert resampled_means(values, "a") + 0.1 == pytest.approx(resampled_means(values + 0.1, "a"), abs=1e-6)
    better = np.maximum(values, 0.5)
    assert (resampled_means(better, "a") >= resampled_means(values, "a")).all()


@pytest.mark.parametrize("n", [7, 251])
def test_shares_of_ones_are_exact(n):
    values = np.zeros(n)
    values[: n // 2] = 1.0
    ones = resampled_means(values, "a") * n
    assert ones == pytest.approx(np.round(ones), abs=1e-9)


@pytest.mark.parametrize("n", [1, 7, 100, 300])
def test_many_rows_of_zeros_and_ones_are_each_as_alone(n):
    values = np.random.default_rng(n).integers(0, 2, (40, n)).astype(float)
    found = resampled_shares(values, "a")
    assert found.shape == (40, RESAMPLES)
    for row, alone in zip(found, values, strict=True):
        assert (row == resampled_means(alone, "a")).all()


def test_many_intervals_are_each_as_alone():
    draws = np.random.default_rng(0).random((30, RESAMPLES))
    assert intervals(draws) == [interval(row) for row in draws]
    assert intervals(draws[:0]) == []
