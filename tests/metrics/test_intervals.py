"""Intervals: Wilson by hand, bootstrap coverage, means over tasks, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from pbench.metrics.intervals import mean_interval, mean_intervals, wilson


def by_hand(k: int, n: int) -> tuple[float, float]:
    z, p = 1.959963984540054, k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return middle - half, middle + half


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (97, 100), (1, 2), (0, 1)])
def test_wilson(k: int, n: int) -> None:
    mean, low, high = mean_interval([1.0] * k + [0.0] * (n - k))
    assert mean == k / n
    assert (low, high) == pytest.approx(by_hand(k, n))
    assert wilson(k, n) == (mean, low, high)


def test_bootstrap_is_seeded_and_near_the_normal_interval() -> None:
    values = np.random.default_rng(1).random(400)
    first = mean_interval(values)
    assert first == mean_interval(values)
    spread = 1.96 * values.std() / 20
    assert first.mean == pytest.approx(values.mean())
    assert first.low == pytest.approx(values.mean() - spread, abs=0.01)
    assert first.high == pytest.approx(values.mean() + spread, abs=0.01)


@pytest.mark.parametrize("n", [2, 3, 31, 100])
def test_many_rows_are_each_as_alone_and_as_scipy_alone(n: int) -> None:
    rows = np.random.default_rng(n).random((1_100, n))  # more than are drawn for at once
    rows[3] = rows[3] > 0.5
    rows[4] = 0.4
    found = mean_intervals(rows)
    for i in (0, 3, 4, 999, 1_000, 1_099):
        assert found[i] == mean_interval(rows[i])
    for i in (0, 4, 1_099):
        theirs = bootstrap(
            (rows[i],), np.mean, n_resamples=2_000, method="percentile", rng=np.random.default_rng(20_250_521)
        )
        assert found[i][1:] == pytest.approx(tuple(theirs.confidence_interval), abs=1e-13)


@pytest.mark.parametrize(("n", "ends"), [(1, (0.0, 1.0)), (8_193, (0.5, 0.5))])
def test_rows_of_one_value_and_of_many(n: int, ends: tuple[float, float]) -> None:
    assert mean_intervals(np.full((2, n), 0.5)) == [(0.5, *ends)] * 2


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(max_examples=40)
def test_the_mean_lies_inside(values: list[float]) -> None:
    mean, low, high = mean_interval(values)
    assert 0 <= low <= mean + 1e-12
    assert mean <= high + 1e-12 <= 1 + 1e-11


def test_one_value_says_nothing_of_the_spread() -> None:
    assert mean_interval([0.4]) == (0.4, 0.0, 1.0)


def test_right_wrong_and_half_right_are_no_counts() -> None:
    assert mean_interval([1.0, 0.5]) == (0.75, 0.5, 1.0)  # a quarter of the resamples at either end


@pytest.mark.parametrize("values", [[], [0.5, float("nan")], [[0.5]]])
def test_bad_values(values: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one value"):
        mean_interval(values)


def test_no_trials() -> None:
    with pytest.raises(ValueError, match="at least one trial"):
        wilson(0, 0)
