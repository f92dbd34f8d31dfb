"""Bootstrap means, drawn for all resamples at once: the intervals of means over tasks."""

from __future__ import annotations

import zlib
from functools import lru_cache

import numpy as np

__all__ = ["RESAMPLES", "interval", "intervals", "resampled_means", "resampled_shares"]

RESAMPLES = 1_000
_SEED = 20_251_004
_FEW = 250  # samples of a task whose draws (1 MB) are kept for its other run points


def resampled_means(values: np.ndarray, name: str) -> np.ndarray:
    """Means [RESAMPLES] of samples drawn with replacement from `values` [n], n >= 1.

    The draws are those of `name` (the task) and n alone: a number does not depend on what else is
    reported, score and report print the same one, and run points on the same samples, in the same
    order, are resampled together.
    """
    counts = _few_counts(name, len(values)) if len(values) <= _FEW else _counts(name, len(values))
    return counts @ values.astype(np.float64) / len(values)


def resampled_shares(values: np.ndarray, name: str) -> np.ndarray:
    """resampled_means of each row of values [rows, n] that are all 0 or 1: [rows, RESAMPLES].

    The same to the last bit: sums of zeros and ones are whole numbers, in whatever order they are
    made. (Other values are not to be summed together: the sum of one row would depend on how many
    there are.)
    """
    return np.ascontiguousarray(resampled_means(values.T, name).T)


def _counts(name: str, n: int) -> np.ndarray:
    """How often each of n samples is drawn in each resample: [RESAMPLES, n], rows sum to n."""
    stream = np.random.default_rng([_SEED, zlib.crc32(name.encode())])
    return stream.multinomial(n, np.full(n, 1.0 / n), size=RESAMPLES).astype(np.float32)


_few_counts = lru_cache(maxsize=64)(_counts)


def interval(resamples: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of bootstrap values."""
    low, high = np.quantile(resamples, (0.025, 0.975))
    return float(low), float(high)


def intervals(resamples: np.ndarray) -> list[tuple[float, float]]:
    """`interval` of each row of resamples [rows, RESAMPLES]."""
    low, high = np.quantile(resamples, (0.025, 0.975), axis=1).tolist()
    return list(zip(low, high, strict=True))
