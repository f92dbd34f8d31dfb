"""Bootstrap means, drawn for all resamples at once."""

from __future__ import annotations

import zlib

import numpy as np

from pbench.report.points import Interval

__all__ = ["RESAMPLES", "interval", "resampled_means"]

RESAMPLES = 1_000
_SEED = 20_251_004


def resampled_means(values: np.ndarray, *names: str) -> np.ndarray:
    """Means [RESAMPLES] of samples drawn with replacement from `values` [n], n >= 1.

    The stream is that of `names` alone, so a number does not depend on what else is reported.
    Zeros and ones are drawn as counts: the number of ones in a resample is binomial.
    """
    stream = np.random.default_rng([_SEED, *(zlib.crc32(name.encode()) for name in names)])
    n = len(values)
    if np.isin(values, (0.0, 1.0)).all():
        return stream.binomial(n, values.mean(), size=RESAMPLES) / n
    return stream.multinomial(n, np.full(n, 1.0 / n), size=RESAMPLES) @ values / n


def interval(resamples: np.ndarray) -> Interval:
    """The 95 % percentile interval of bootstrap values."""
    low, high = np.quantile(resamples, (0.025, 0.975))
    return float(low), float(high)
