"""One sample on its way through the engine: its place in the blocks, its counts, its trace."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, cast

import torch

from pbench.interfaces import BlockPlan, Denoiser, Sampler, SampleWriter
from pbench.records import EventKind, Generation, Sample, TraceEvent
from pbench.streams import sample_stream
from pbench.traces import commit_steps

__all__ = ["Row"]


@dataclass(slots=True)
class Row:
    """State of one row; the token ids themselves live on the canvas.

    `prompt` and `answer` are the ids it starts from. `stopped` is set once an EOS has ended the answer.
    `slot` is a number that no other row of the batch has, for as long as the row stays. `offset` is the
    number of prompt tokens in the first block, where blocks are counted from the prompt's start; then
    the first and the last block may be shorter. `stored` positions of prompt and answer are final in
    the cache of a block-causal model. `bounds` are the answer positions from (inclusive) and to
    (exclusive) which the current block goes. `measured` rows say what `gaps` found for each event.
    """

    sample: Sample
    prompt: Sequence[int]
    gen_length: int
    block_length: int
    seed: int
    schedule: Literal["even", "dream"] = "even"
    answer: Sequence[int] = ()
    measured: bool = False
    slot: int = 0
    offset: int = 0
    stored: int = 0
    block: int = -1
    bounds: tuple[int, int] = (0, 0)
    number: int = 0
    plan: BlockPlan = field(init=False)
    state: Any = None
    max_steps: int = 0
    nfe: int = 0
    nfe_aux: int = 0
    nfe_prefill: int = 0
    nfe_store: int = 0
    nfe_gap: int = 0
    query_tokens: int = 0
    kv_tokens: int = 0
    seconds: float = 0.0
    stopped: bool = False
    events: list[TraceEvent] = field(default_factory=list)
    gaps: list[float | None] = field(default_factory=list)
    _streams: dict[str, torch.Generator] = field(default_factory=dict)

    def stream(self, purpose: Literal["order", "token"]) -> torch.Generator:
        """The sample's own random numbers, begun on first use."""
        if purpose not in self._streams:
            sample = self.sample
            self._streams[purpose] = sample_stream(self.seed, sample.task, sample.index, purpose)
        return self._streams[purpose]

    @property
    def length(self) -> int:
        """Prompt and answer positions, without padding."""
        return len(self.prompt) + self.gen_length

    @property
    def width(self) -> int:
        """Answer positions of a window, which holds a block."""
        return min(self.block_length, self.gen_length)

    @property
    def start(self) -> int:
        """First answer position of the current block's window."""
        return min(self.bounds[0], self.gen_length - self.width)

    def _bounds(self, index: int) -> tuple[int, int]:
        start = index * self.block_length - self.offset
        return max(0, start), min(self.gen_length, start + self.block_length)

    def next_block(self, sampler: Sampler, masked: Sequence[bool]) -> bool:
        """Go on to the next block that holds a mask; False when the answer is complete."""
        blocks = max(1, self.gen_length // self.block_length)  # a cut one at each end counts as one
        for index in range(self.block + 1, -(-(self.gen_length + self.offset) // self.block_length)):
            start, stop = self._bounds(index)
            masks = sum(masked[start:stop])
            if masks:
                self.block, self.bounds, self.number = index, (start, stop), 0
                place = (masks, self.width, blocks, index, self.gen_length)
                self.plan = BlockPlan(*place, self.schedule)
                self.state, self.max_steps = sampler.plan_block(self.plan), sampler.max_steps(self.plan)
                return True
        return False

    def count_forward(self, seconds: float) -> None:
        """One forward pass: `seconds` is this row's share of the batch's time."""
        self.nfe += 1
        self.number += 1
        self.seconds += seconds

    def count_tokens(self, query: int, kv: int) -> None:
        """What a forward pass computed for this row, and what that attended to, in tokens."""
        self.query_tokens += query
        self.kv_tokens += kv

    def record(
        self, kind: EventKind, position: int, token_id: int, confidence: float, bits: float = math.nan
    ) -> None:
        """Note a change of answer position `position` at the current step.

        `bits` are its part of the dependency gap, NaN where that is not measured.
        """
        self.events.append(TraceEvent(self.nfe, position, token_id, confidence, kind))
        self.gaps.append(bits if math.isfinite(bits) else None)

    def generation(self, ids: list[int], denoiser: Denoiser) -> Generation:
        """The finished answer."""
        ends = {denoiser.eos_token_id, denoiser.pad_token_id}
        content = next((i for i, token in enumerate(ids) if token in ends), len(ids))
        text = _text(denoiser, self.sample, ids[:content] if self.stopped else ids)
        return Generation(
            sample=self.sample,
            status="ok" if text.strip() else "empty",
            output_text=text,
            output_ids=tuple(ids),
            content_length=content,
            commit_step=commit_steps(self.events, self.gen_length),
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
            "gen_length": self.gen_length,
            "block_length": self.block_length,
            "nfe": self.nfe,
            "nfe_prefill": self.nfe_prefill,
            "nfe_store": self.nfe_store,
            "nfe_aux": self.nfe_aux,
            "nfe_gap": self.nfe_gap if self.measured else None,
            "gap": tuple(self.gaps) if self.measured else None,
            "query_tokens": self.query_tokens,
            "kv_tokens": self.kv_tokens,
            "trace": tuple(self.events),
            "seconds": self.seconds,
            "seed": self.seed,
        }


def _text(denoiser: Denoiser, sample: Sample, ids: Sequence[int]) -> str:
    """The answer as the model writes it; some need to know which sample it answers."""
    if _knows_samples(type(denoiser)):
        return cast(SampleWriter, denoiser).write(sample, ids)
    return denoiser.decode(ids)


@cache
def _knows_samples(model: type) -> bool:
    """Asked of each class once: protocols are slow to compare."""
    return issubclass(model, SampleWriter)
