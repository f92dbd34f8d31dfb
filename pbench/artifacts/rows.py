"""Records to rows and back: a row is a dict of the columns, of JSON types only.

The same rows go into Parquet, into the .jsonl form and into the journal, so that an answer is
the same whichever way it went. What a file cannot hold is settled here: lone surrogates become
U+FFFD, a confidence is rounded to float32 and null where it is not finite, and a metric's value
that is not finite is null with a reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from pbench.artifacts.schemas import Kind, column_names
from pbench.artifacts.text import json_text, valid_text
from pbench.records import Generation, Message, Sample, Score, TraceEvent

__all__ = ["Record", "from_row", "kind_of_record", "to_row"]

Record = Sample | Generation | Score

_KINDS: dict[type, Kind] = {Sample: "samples", Generation: "generations", Score: "scores"}
_SAME_IN_GENERATIONS = (
    "status", "output_text", "error_kind", "error", "input_length", "gen_length", "block_length",
    "content_length", "nfe", "nfe_prefill", "nfe_store", "nfe_aux", "query_tokens", "kv_tokens",
    "seed", "attempt",
)  # fmt: skip
_SAME_IN_SCORES = (
    "sample_id", "task", "category", "index", "status", "error_kind", "output_text", "nfe",
    "query_tokens", "gen_length", "block_length", "content_length", "metric", "headline",
    "metric_version",
)  # fmt: skip


def kind_of_record(record: Record) -> Kind:
    """Which artifact holds records of this type; TypeError for anything else."""
    try:
        return _KINDS[type(record)]
    except KeyError:
        raise TypeError(f"{type(record).__name__} is no record of an artifact") from None


def to_row(record: Record) -> dict[str, Any]:
    """The columns of `record`; ValueError where its answer or metadata have no JSON form."""
    kind = kind_of_record(record)
    row = _TO_ROW[kind](record)
    return {name: row[name] for name in column_names(kind)}


def from_row(kind: Kind, row: Mapping[str, Any]) -> Record:
    """The record of a row; KeyError, TypeError or ValueError where the row is none of `kind`.

    The sample in a Generation has no `output_format`, and its `gen_length` is that of the run:
    generations do not carry these two columns of the samples.
    """
    if kind == "samples":
        return _sample(row, row["output_format"])
    if kind == "generations":
        return _generation(row)
    return _score(row)


def _text(value: Any) -> Any:
    return valid_text(value) if isinstance(value, str) else value


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _sample_row(sample: Sample) -> dict[str, Any]:
    formats = sample.output_format
    return {
        "sample_id": valid_text(sample.sample_id),
        "task": valid_text(sample.task),
        "category": valid_text(sample.category),
        "index": sample.index,
        "messages": [
            {"role": valid_text(message["role"]), "content": valid_text(message["content"])}
            for message in sample.messages
        ],
        "answer": json_text(sample.answer),
        "output_format": None if formats is None else [valid_text(item) for item in formats],
        "gen_length": sample.gen_length,
        "metric": valid_text(sample.metric),
        "headline": valid_text(sample.headline),
        "metadata": json_text(sample.metadata),
    }


def _generation_row(generation: Generation) -> dict[str, Any]:
    row = _sample_row(generation.sample)
    del row["output_format"]
    row |= {name: _text(getattr(generation, name)) for name in _SAME_IN_GENERATIONS}
    ids, steps, usage = generation.output_ids, generation.commit_step, generation.usage
    row["output_ids"] = None if ids is None else list(ids)
    row["commit_step"] = None if steps is None else list(steps)
    row["trace"] = None if generation.trace is None else _events(generation.trace)
    row["nfe_gap"] = generation.nfe_gap
    row["gap"] = None if generation.gap is None else [_float32(bits) for bits in generation.gap]
    row["seconds"] = _finite(generation.seconds)
    row["usage"] = None if usage is None else {valid_text(key): usage[key] for key in sorted(usage)}
    return row


def _float32(value: float | None) -> float | None:
    """`value` as a float32 column gives it back; None where it is not finite there."""
    if value is None or not math.isfinite(value):
        return None
    import numpy as np

    with np.errstate(over="ignore"):
        return _finite(float(np.float32(value)))


def _events(trace: tuple[TraceEvent, ...]) -> list[dict[str, Any]]:
    import numpy as np

    with np.errstate(over="ignore"):
        rounded = np.array([event.confidence for event in trace], dtype=np.float64).astype(np.float32)
    return [
        {
            "step": event.step,
            "position": event.position,
            "token_id": event.token_id,
            "confidence": _finite(confidence),
            "event": event.event,
        }
        for event, confidence in zip(trace, rounded.tolist(), strict=True)
    ]


def _score_row(score: Score) -> dict[str, Any]:
    row = {name: _text(getattr(score, name)) for name in _SAME_IN_SCORES}
    values, reasons = {}, dict(score.reasons)
    for name in sorted(score.values):
        values[valid_text(name)] = value = _finite(score.values[name])
        if value is None and score.values[name] is not None:
            reasons.setdefault(name, f"the metric returned {score.values[name]}")
    row["seconds"] = _finite(score.seconds)
    row["scores"] = values
    row["reasons"] = {valid_text(name): valid_text(reasons[name]) for name in sorted(reasons)}
    return row


_TO_ROW: dict[Kind, Callable[[Any], dict[str, Any]]] = {
    "samples": _sample_row,
    "generations": _generation_row,
    "scores": _score_row,
}


def _sample(row: Mapping[str, Any], output_format: list[str] | None) -> Sample:
    messages: tuple[Message, ...] = tuple(
        {"role": message["role"], "content": message["content"]} for message in row["messages"]
    )
    return Sample(
        sample_id=row["sample_id"],
        task=row["task"],
        category=row["category"],
        index=row["index"],
        messages=messages,
        answer=orjson.loads(row["answer"]),
        output_format=None if output_format is None else tuple(output_format),
        gen_length=row["gen_length"],
        metric=row["metric"],
        headline=row["headline"],
        metadata=orjson.loads(row["metadata"]),
    )


def _generation(row: Mapping[str, Any]) -> Generation:
    ids, steps, trace, usage = row["output_ids"], row["commit_step"], row["trace"], row["usage"]
    return Generation(
        sample=_sample(row, None),
        output_ids=None if ids is None else tuple(ids),
        commit_step=None if steps is None else tuple(steps),
        trace=None if trace is None else tuple(map(_event, trace)),
        seconds=row["seconds"],
        usage=None if usage is None else dict(usage),
        nfe_gap=row.get("nfe_gap"),  # a journal line of version 1 has neither
        gap=None if row.get("gap") is None else tuple(row["gap"]),
        **{name: row[name] for name in _SAME_IN_GENERATIONS},
    )


def _event(row: Mapping[str, Any]) -> TraceEvent:
    confidence = row["confidence"]
    return TraceEvent(
        row["step"],
        row["position"],
        row["token_id"],
        math.nan if confidence is None else confidence,
        row["event"],
    )


def _score(row: Mapping[str, Any]) -> Score:
    return Score(
        values=dict(row["scores"]),
        reasons=dict(row["reasons"]),
        seconds=row["seconds"],
        **{name: row[name] for name in _SAME_IN_SCORES},
    )
