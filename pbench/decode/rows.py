"""One sample on its way through the engine: its place in the blocks, its counts, its trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from pbench.decode.streams import sample_stream
from pbench.interfaces import BlockPlan, Denoiser, Sampler
from pbench.records import EventKind, Generation, Sample, TraceEvent
from pbench.traces import commit_steps

__all__ = ["Row"]


@dataclass(slots=True)
class Row:
    """State of one row; the token ids themselves live on the canvas.

    `prompt` and `answer` are the ids it starts from. `stopped` is set once an EOS has ended the answer.
    `slot` is a number that no other row of the batch has, for as long as the row stays.
    """

    sample: Sample
    prompt: Sequence[int]
    gen_length: int
    block_length: int
    seed: int
    answer: Sequence[int] = ()
    slot: int = 0
    block: int = -1
    number: int = 0
    plan: BlockPlan = field(init=False)
    state: Any = None
    max_steps: int = 0
    nfe: int = 0
    nfe_aux: int = 0
    query_tokens: int = 0
    kv_tokens: int = 0
    seconds: float = 0.0
    stopped: bool = False
    events: list[TraceEvent] = field(default_factory=list)
    streams: tuple[torch.Generator, torch.Generator] = field(init=False)

    def __post_init__(self) -> None:
        sample = self.sample
        order = sample_stream(self.seed, sample.task, sample.index, "order")
        token = sample_stream(self.seed, sample.task, sample.index, "token")
        self.streams = (order, token)

    @property
    def length(self) -> int:
        """Prompt and answer positions, without padding."""
        return len(self.prompt) + self.gen_length

    @property
    def start(self) -> int:
        """First answer position of the current block."""
        return self.block * self.block_length

    def next_block(self, sampler: Sampler, masked: Sequence[bool]) -> bool:
        """Go on to the next block that holds a mask; False when the answer is complete."""
        blocks = self.gen_length // self.block_length
        for index in range(self.block + 1, blocks):
            masks = sum(masked[index * self.block_length : (index + 1) * self.block_length])
            if masks:
                self.block, self.number = index, 0
                self.plan = BlockPlan(masks, self.block_length, blocks, index, self.gen_length)
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

    def record(self, kind: EventKind, position: int, token_id: int, confidence: float) -> None:
        """Note a change of answer position `position` at the current step."""
        self.events.append(TraceEvent(self.nfe, position, token_id, confidence, kind))

    def generation(self, ids: list[int], denoiser: Denoiser) -> Generation:
        """The finished answer."""
        ends = {denoiser.eos_token_id, denoiser.pad_token_id}
        content = next((i for i, token in enumerate(ids) if token in ends), len(ids))
        text = denoiser.decode(ids[:content] if self.stopped else ids)
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
            "nfe_prefill": 0,
            "nfe_store": 0,
            "nfe_aux": self.nfe_aux,
            "query_tokens": self.query_tokens,
            "kv_tokens": self.kv_tokens,
            "trace": tuple(self.events),
            "seconds": self.seconds,
            "seed": self.seed,
        }
