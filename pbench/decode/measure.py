"""How long a run may take, from one step that is really done."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pbench.decode.memory import AUTO, BatchSize, largest_batch
from pbench.decode.runners import Answerer
from pbench.records import Sample

__all__ = ["step_seconds"]

_LONG_SECONDS = 2.0  # a step of one row that takes so long is not repeated with a full batch
_REPEATS = 3


def step_seconds(model: Answerer, samples: Sequence[Sample], batch_size: BatchSize) -> float:
    """Seconds that one row takes in the first step of a batch, prompts read and a decision made.

    Of a text generator, which has no steps: seconds of a whole answer. The best of three batches,
    after one row to warm up.
    """
    first = _seconds(model, samples[:1])
    if first > _LONG_SECONDS:
        return first
    rows = largest_batch(model, samples) if batch_size == AUTO else batch_size
    batch = samples[:rows]
    return min(_seconds(model, batch) for _ in range(_REPEATS)) / len(batch)


def _seconds(model: Answerer, samples: Sequence[Sample]) -> float:
    started = time.perf_counter()
    model.probe(samples)
    return time.perf_counter() - started
