"""Bootstrap means, drawn for all resamples at once: the intervals of means over tasks."""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["RESAMPLES", "interval", "resampled_means"]

RESAMPLES = 1_000
_SEED = 20_251_004


def resampled_means(values: np.ndarray, name: str) -> np.ndarray:
    """Means [RESAMPLES] of samples drawn with replacement from `values` [n], n >= 1.

    The stream is that of `name` (the task) alone, so a number does not depend on what else is
    reported, and score and report print the same one.
    Zeros and ones are drawn as counts: the number of ones in a resample is binomial.
    """
    stream = np.random.default_rng([_SEED, zlib.crc32(name.encode())])
    n = len(values)
    if np.isin(values, (0.0, 1.0)).all():
        return stream.binomial(n, values.mean(), size=RESAMPLES) / n
    return stream.multinomial(n, np.full(n, 1.0 / n), size=RESAMPLES) @ values / n


def interval(resamples: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of bootstrap values."""
    low, high = np.quantile(resamples, (0.025, 0.975))
    return float(low), float(high)
