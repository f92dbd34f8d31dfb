"""Samples on their way through a text generator that may change any position at any step."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from pbench.records import Generation, Sample, TraceEvent
from pbench.streams import sample_stream
from pbench.traces import commit_steps

__all__ = ["TracedRow", "batches"]


@dataclass(slots=True)
class TracedRow:
    """One sample: its counts, its trace, and its own random numbers.

    `length` counts prompt and generated positions. The first token that a step gives to a position
    is a commit, a later one an edit.
    """

    sample: Sample
    prompt: Sequence[int]
    length: int
    seed: int
    nfe: int = 0
    nfe_prefill: int = 0
    nfe_store: int = 0
    query_tokens: int = 0
    kv_tokens: int = 0
    seconds: float = 0.0
    failed_at: int | None = None
    events: list[TraceEvent] = field(default_factory=list)
    stream: torch.Generator = field(init=False)
    _held: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.stream = sample_stream(self.seed, self.sample.task, self.sample.index, "token")

    def count_forward(self, query: int, kv: int) -> None:
        """One forward pass that led to decisions: what it computed and what that attended to, in tokens."""
        self.nfe += 1
        self.query_tokens += query
        self.kv_tokens += kv

    def record(self, position: int, token_id: int, confidence: float) -> None:
        """Note a change of an answer position by the present step; beyond the answer nothing is noted."""
        if position < self.sample.gen_length:
            edited = position in self._held
            self._held.add(position)
            self.events.append(
                TraceEvent(self.nfe, position, token_id, confidence, "edit" if edited else "commit")
            )

    def generation(
        self, ids: Sequence[int], ends: Collection[int], decode: Callable[[Sequence[int]], str]
    ) -> Generation:
        """The finished answer `ids`, gen_length tokens, read by `decode`; `ends` are EOS and pad ids."""
        for position in range(len(ids)):
            if position not in self._held:
                # Noise that no step changed: the last one let it stand.
                self.record(position, ids[position], math.nan)
        text = decode(ids)
        return Generation(
            sample=self.sample,
            status="ok" if text.strip() else "empty",
            output_text=text,
            output_ids=tuple(ids),
            content_length=next((i for i, token in enumerate(ids) if token in ends), len(ids)),
            commit_step=commit_steps(self.events, len(ids)),
            **self._common(),
        )

    def failure(self, kind: str, message: str) -> Generation:
        """The row that stands for an answer that could not be had."""
        return Generation(
            sample=self.sample,
            status="error",
            output_text="",
            error_kind=kind,
            error=message,
            **self._common(),
        )

    def _common(self) -> dict[str, Any]:
        return {
            "input_length": len(self.prompt),
            "gen_length": self.sample.gen_length,
            "block_length": self.sample.gen_length,
            "nfe": self.nfe,
            "nfe_prefill": self.nfe_prefill,
            "nfe_store": self.nfe_store,
            "nfe_aux": 0,
            "query_tokens": self.query_tokens,
            "kv_tokens": self.kv_tokens,
            "trace": tuple(self.events),
            "seconds": self.seconds,
            "seed": self.seed,
        }


def batches(samples: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    """At most `size` samples at a time, all of one gen_length."""
    by_length: dict[int, list[Sample]] = {}
    for sample in samples:
        by_length.setdefault(sample.gen_length, []).append(sample)
    for of_length in by_length.values():
        for start in range(0, len(of_length), size):
            yield of_length[start : start + size]
