"""Batches of answers judged: each metric is asked once for all its rows of a batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from pathlib import Path

from pbench.errors import PbenchError
from pbench.grammar import HarperChecker
from pbench.metrics import MetricTools, Outcome, get_metric, judged_text, score_many
from pbench.metrics.cells import explain
from pbench.records import Generation, Score
from pbench.score.cache import CachedChecker

__all__ = ["ROWS_AT_ONCE", "own_checker", "score_batch", "scored", "scored_apart"]

ROWS_AT_ONCE = 1024
_CHARACTERS_AT_ONCE = 8_000_000  # bounds the memory where answers are megabytes
_AHEAD = 8  # small batches that are read and wait for a worker, or for those before them
_ROWS_OF_A_WORKER = 128


def scored(rows: Iterable[Generation], tools: MetricTools) -> Iterator[Score]:
    """The scores of `rows`, in their order."""
    for batch in _batches(rows, ROWS_AT_ONCE):
        yield from score_batch(batch, tools)


def scored_apart(rows: Iterable[Generation], pool: Executor, findings: Path | None) -> Iterator[Score]:
    """The same from worker processes, each with a harper of its own.

    `findings` is the file in which what it finds is kept; None asks no checker. PbenchError if a
    worker is killed.
    """
    pending: deque[Future[list[Score]]] = deque()
    try:
        for batch in _batches(rows, _ROWS_OF_A_WORKER):
            pending.append(pool.submit(_score_in_worker, batch, findings))
            if len(pending) == _AHEAD:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    except BrokenProcessPool:
        raise PbenchError("a process that scored was killed; score it again") from None


@cache
def own_checker() -> HarperChecker:
    """A worker's: the other cores have processes of their own."""
    return HarperChecker(threads=1)


def _score_in_worker(batch: list[Generation], findings: Path | None) -> list[Score]:
    checker = None if findings is None else CachedChecker(own_checker(), findings)
    return list(score_batch(batch, MetricTools(checker)))


def _batches(rows: Iterable[Generation], most: int) -> Iterator[list[Generation]]:
    batch: list[Generation] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += len(row.output_text)
        if len(batch) == most or characters >= _CHARACTERS_AT_ONCE:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def score_batch(batch: list[Generation], tools: MetricTools) -> Iterator[Score]:
    """The scores of a batch in its order; each metric is asked once for all its rows."""
    rows_of: dict[str, list[int]] = {}
    for row, generation in enumerate(batch):
        if generation.status != "error":
            rows_of.setdefault(generation.sample.metric, []).append(row)
    outcomes: dict[int, Outcome] = {}
    for metric, rows in rows_of.items():
        judged = _judged(metric, [batch[row] for row in rows], tools)
        outcomes.update(zip(rows, judged, strict=True))
    for row, generation in enumerate(batch):
        yield _score(generation, *(outcomes.get(row) or _no_answer(generation)))


def _judged(metric: str, rows: list[Generation], tools: MetricTools) -> list[Outcome]:
    """The outcomes of rows of one metric; one that it cannot take costs no other its values."""
    texts = [judged_text(row.output_text, row.sample.metadata) for row in rows]
    try:
        return score_many(metric, texts, [row.sample.answer for row in rows], tools)
    except Exception as error:
        if len(rows) == 1:
            names = get_metric(metric).values
            return [(dict.fromkeys(names), dict.fromkeys(names, explain(error)))]
        middle = len(rows) // 2
        return _judged(metric, rows[:middle], tools) + _judged(metric, rows[middle:], tools)


def _no_answer(generation: Generation) -> Outcome:
    """No value at all, and the error of the decoding as the reason."""
    names = get_metric(generation.sample.metric).values
    reason = f"{generation.error_kind or 'error'}: {generation.error or 'not decoded'}"
    return dict.fromkeys(names), dict.fromkeys(names, reason)


def _score(generation: Generation, values: dict[str, float | None], reasons: dict[str, str]) -> Score:
    sample = generation.sample
    if sample.headline not in values:
        values = {**values, sample.headline: None}
        reasons = {**reasons, sample.headline: f"the metric {sample.metric} gives no such value"}
    return Score(
        sample_id=sample.sample_id,
        task=sample.task,
        category=sample.category,
        index=sample.index,
        status=generation.status,
        output_text=generation.output_text,
        metric=sample.metric,
        headline=sample.headline,
        metric_version=get_metric(sample.metric).version,
        values=values,
        reasons=reasons,
        error_kind=generation.error_kind,
        nfe=generation.nfe,
        query_tokens=generation.query_tokens,
        gen_length=generation.gen_length,
        block_length=generation.block_length,
        content_length=generation.content_length,
        seconds=generation.seconds,
    )
