"""Means with their 95 % intervals: Wilson for right-or-wrong values, bootstrap for others."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Interval", "mean_interval", "mean_intervals", "wilson"]

_RESAMPLES = 2_000
_SEED = 20_250_521
_NUMBERS_AT_ONCE = 2_000_000  # bounds the memory of the bootstrap: drawn indices, and means


class Interval(NamedTuple):
    """A mean and the ends of its 95 % interval, all in 0..1."""

    mean: float
    low: float
    high: float


def mean_interval(values: ArrayLike) -> Interval:
    """Mean of values [n] in 0..1 with its 95 % interval; ValueError if there is none or a NaN.

    Values that are all 0 or 1 get the Wilson score interval (Wilson 1927), others the percentile
    bootstrap with a fixed seed. One single value between 0 and 1 says nothing of the spread: 0 to 1.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array) or np.isnan(array).any():
        raise ValueError("an interval needs one row of at least one value, without NaN")
    return mean_intervals(array[None, :])[0]


def mean_intervals(values: np.ndarray) -> list[Interval]:
    """mean_interval of each row of values [rows, n], n >= 1, without NaN.

    What a row gets does not depend on the other rows, to the last bit.
    """
    n = values.shape[1]
    whole = ((values == 0.0) | (values == 1.0)).all(axis=1)
    graded = np.flatnonzero(~whole)
    ends = dict.fromkeys(graded.tolist(), (0.0, 1.0))
    block = max(1, _NUMBERS_AT_ONCE // _RESAMPLES)
    for start in range(0, len(graded) if n > 1 else 0, block):
        rows = graded[start : start + block]
        ends.update(zip(rows.tolist(), _bootstrap(values[rows]), strict=True))
    return [
        Interval(float(row.mean()), *ends[i]) if i in ends else wilson(int(row.sum()), n)
        for i, row in enumerate(values)
    ]


@lru_cache(maxsize=65_536)
def wilson(successes: int, trials: int) -> Interval:
    """The share of successes with its 95 % Wilson score interval; ValueError unless trials >= 1."""
    from scipy.stats import binomtest

    if trials < 1:
        raise ValueError("an interval needs at least one trial")
    ends = binomtest(successes, trials).proportion_ci(confidence_level=0.95, method="wilson")
    return Interval(successes / trials, float(ends.low), float(ends.high))


def _bootstrap(values: np.ndarray) -> list[tuple[float, float]]:
    """Ends of the 95 % percentile bootstrap interval of the mean of each row of values [rows, n], n >= 2.

    scipy resamples the places of a row; the means of all rows are then one matrix product. The draws
    are those of n alone. Values become whole multiples of a power of two so fine that n of them add
    up without rounding: their sum is the same however many rows there are.
    """
    from scipy.stats import bootstrap

    n = values.shape[1]
    unit = 2.0 ** (n.bit_length() - 52)
    parts = np.rint(values / unit)

    def means(places: np.ndarray, axis: int) -> np.ndarray:  # noqa: ARG001 - scipy gives the last axis
        return (parts @ _counts(places).T) * (unit / n)

    ends = bootstrap(
        (np.arange(n),),
        means,
        vectorized=True,
        n_resamples=_RESAMPLES,
        batch=max(1, _NUMBERS_AT_ONCE // n),
        confidence_level=0.95,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return list(zip(ends.low.tolist(), ends.high.tolist(), strict=True))


def _counts(places: np.ndarray) -> np.ndarray:
    """How often each of n places stands in each row of places [draws, n]: [draws, n]."""
    draws, n = places.shape
    flat = places + n * np.arange(draws)[:, None]
    return np.bincount(flat.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)
