"""Frozen data that the stages pass to each other: Sample, Generation, TraceEvent, Score.

The fields are the columns of the artifacts (see docs/artifacts.md), one record a row.
No torch, no pyarrow: a record is plain Python.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

__all__ = ["EventKind", "Generation", "Message", "Sample", "Score", "Status", "TraceEvent"]

Status = Literal["ok", "error", "refusal", "empty", "truncated"]
EventKind = Literal["commit", "remask", "edit"]
Message = dict[Literal["role", "content"], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One question with everything that is needed to ask and to score it.

    `answer` is any JSON value: what the metric named `metric` takes as its reference.
    `headline` names the metric's value that stands for the task in tables.
    `gen_length` is the number of answer positions, in tokens of the model.
    """

    sample_id: str
    task: str
    category: str
    index: int
    messages: tuple[Message, ...]
    answer: Any
    gen_length: int
    metric: str
    headline: str
    output_format: tuple[str, ...] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


class TraceEvent(NamedTuple):
    """One change of one canvas position.

    `step` counts forward passes of the sample from 1, `position` answer positions from 0;
    `confidence` is the score of the token by which it was committed (NaN where there is none).
    """

    step: int
    position: int
    token_id: int
    confidence: float
    event: EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One sample decoded by one configuration.

    `nfe` counts forward passes of the model that led to decisions; None = unknown, never guessed.
    `gap[i]` is what event i of the trace adds to the dependency gap, in bits (None where nothing was
    measured), and `nfe_gap` counts the passes that this took: none of them is in `nfe`.
    `commit_step[i]` is the step at which answer position i got its final token, 0 = given.
    `content_length` counts answer positions before the first EOS or pad.
    """

    sample: Sample
    status: Status
    output_text: str
    error_kind: str | None = None
    error: str | None = None
    output_ids: tuple[int, ...] | None = None
    input_length: int | None = None
    gen_length: int
    block_length: int | None = None
    content_length: int | None = None
    nfe: int | None = None
    nfe_prefill: int | None = None
    nfe_store: int | None = None
    nfe_aux: int | None = None
    nfe_gap: int | None = None
    query_tokens: int | None = None
    kv_tokens: int | None = None
    commit_step: tuple[int, ...] | None = None
    trace: tuple[TraceEvent, ...] | None = None
    gap: tuple[float | None, ...] | None = None
    seconds: float | None = None
    seed: int = 0
    attempt: int = 1
    usage: dict[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One generation judged: the metric's values (0..1), None with a reason where it has none."""

    sample_id: str
    task: str
    category: str
    index: int
    status: Status
    output_text: str
    metric: str
    headline: str
    metric_version: str
    values: dict[str, float | None]
    reasons: dict[str, str] = field(default_factory=dict)
    error_kind: str | None = None
    nfe: int | None = None
    query_tokens: int | None = None
    gen_length: int | None = None
    block_length: int | None = None
    content_length: int | None = None
    seconds: float | None = None
