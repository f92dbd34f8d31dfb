"""Bootstrap means, drawn for all resamples at once: the intervals of means over tasks."""

from __future__ import annotations

import zlib
from functools import lru_cache

import numpy as np

__all__ = ["RESAMPLES", "interval", "resampled_means"]

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
    return (counts @ values.astype(np.float32)).astype(np.float64) / len(values)


def _counts(name: str, n: int) -> np.ndarray:
    """How often each of n samples is drawn in each resample: [RESAMPLES, n], rows sum to n."""
    stream = np.random.default_rng([_SEED, zlib.crc32(name.encode())])
    return stream.multinomial(n, np.full(n, 1.0 / n), size=RESAMPLES).astype(np.float32)


_few_counts = lru_cache(maxsize=64)(_counts)


def interval(resamples: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of bootstrap values."""
    low, high = np.quantile(resamples, (0.025, 0.975))
    return float(low), float(high)
