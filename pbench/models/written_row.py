"""One sample on its way through an autoregressive model: its tokens so far and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from pbench.records import Generation, Sample, Status, TraceEvent
from pbench.streams import sample_stream

__all__ = ["WrittenRow"]


@dataclass(slots=True)
class WrittenRow:
    """`prompt` are token ids; `ids` and `confidence` grow by one a forward pass, up to gen_length."""

    sample: Sample
    prompt: Sequence[int]
    seed: int
    ids: list[int] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    query_tokens: int = 0
    kv_tokens: int = 0
    seconds: float = 0.0
    stream: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.stream = sample_stream(self.seed, self.sample.task, self.sample.index, "token")

    def count_forward(self, seconds: float) -> None:
        """A forward pass before the next token: the prompt at first, then one token at a time."""
        self.query_tokens += 1 if self.ids else len(self.prompt)
        self.kv_tokens += len(self.prompt) + len(self.ids)
        self.seconds += seconds

    def write(self, token: int, confidence: float) -> None:
        """The next token and its probability."""
        self.ids.append(token)
        self.confidence.append(confidence)

    def finished(self, ends: Collection[int]) -> bool:
        """Whether an end token stands, or there is no room for more."""
        return self.ids[-1] in ends or len(self.ids) >= self.sample.gen_length

    def generation(self, ends: Collection[int], decode: Callable[[Sequence[int]], str]) -> Generation:
        """The answer: `truncated` where the room was too little for an end token.

        Its gen_length is what was written, so that one token a forward pass is what tables show.
        """
        ended = self.ids[-1] in ends
        content = len(self.ids) - ended
        text = decode(self.ids[:content])
        status: Status = "truncated" if not ended else "ok" if text.strip() else "empty"
        return Generation(
            sample=self.sample,
            status=status,
            output_text=text,
            output_ids=tuple(self.ids),
            content_length=content,
            commit_step=tuple(range(1, len(self.ids) + 1)),
            trace=tuple(
                TraceEvent(place + 1, place, token, score, "commit")
                for place, (token, score) in enumerate(zip(self.ids, self.confidence, strict=True))
            ),
            **self._common(len(self.ids)),
        )

    def failure(self, kind: str, message: str) -> Generation:
        """The row that stands for an answer that could not be had."""
        return Generation(
            sample=self.sample,
            status="error",
            output_text="",
            error_kind=kind,
            error=message,
            **self._common(self.sample.gen_length),
        )

    def _common(self, gen_length: int) -> dict[str, Any]:
        return {
            "input_length": len(self.prompt),
            "gen_length": gen_length,
            "block_length": gen_length,
            "nfe": len(self.ids),
            "nfe_prefill": 0,
            "nfe_store": 0,
            "nfe_aux": 0,
            "query_tokens": self.query_tokens,
            "kv_tokens": self.kv_tokens,
            "seconds": self.seconds,
            "seed": self.seed,
        }
