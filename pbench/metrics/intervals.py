"""Means with their 95 % intervals: Wilson for right-or-wrong values, bootstrap for others."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Interval", "mean_interval", "wilson"]

_RESAMPLES = 2_000
_SEED = 20_250_521
_CELLS_AT_ONCE = 2_000_000  # bounds the memory of the bootstrap


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
    if ((array == 0.0) | (array == 1.0)).all():
        return wilson(int(array.sum()), len(array))
    mean = float(array.mean())
    if len(array) == 1:
        return Interval(mean, 0.0, 1.0)
    return Interval(mean, *_bootstrap(array))


@lru_cache(maxsize=65_536)
def wilson(successes: int, trials: int) -> Interval:
    """The share of successes with its 95 % Wilson score interval; ValueError unless trials >= 1."""
    from scipy.stats import binomtest

    if trials < 1:
        raise ValueError("an interval needs at least one trial")
    ends = binomtest(successes, trials).proportion_ci(confidence_level=0.95, method="wilson")
    return Interval(successes / trials, float(ends.low), float(ends.high))


def _bootstrap(values: np.ndarray) -> tuple[float, float]:
    """Ends of the 95 % percentile bootstrap interval of the mean of values [n], n >= 2."""
    from scipy.stats import bootstrap

    result = bootstrap(
        (values,),
        np.mean,
        n_resamples=_RESAMPLES,
        batch=max(1, _CELLS_AT_ONCE // len(values)),
        confidence_level=0.95,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)
