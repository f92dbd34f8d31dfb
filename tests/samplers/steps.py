"""A step of a block written out by hand, for tests of single rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from pbench.interfaces import BlockPlan

NONE = None  # in a row of scores: the position is no candidate


class MadeStep:
    """`pbench.interfaces.Step` whose scores are given, [R][W]; None marks positions without a mask.

    With `log_probs` [R, W, V] proposals and their confidence are those of the distributions.
    """

    def __init__(
        self,
        confidence: Sequence[Sequence[float | None]] | None = None,
        *,
        entropy: Sequence[Sequence[float | None]] | None = None,
        margin: Sequence[Sequence[float | None]] | None = None,
        log_probs: torch.Tensor | None = None,
        masked: torch.Tensor | None = None,
        states: list[Any] | None = None,
        number: int = 0,
        compat: bool = False,
        seed: int = 0,
    ):
        given = confidence or entropy or margin
        if given is not None:
            masked = torch.tensor([[value is not None for value in row] for row in given])
        elif masked is None:
            assert log_probs is not None
            masked = torch.ones(log_probs.shape[:2], dtype=torch.bool)
        self.to_unmask = masked
        self.fixed = torch.zeros_like(masked)
        self.tokens = torch.zeros(masked.shape, dtype=torch.long)
        self.index = masked.nonzero()
        rows, width = masked.shape
        self.plans = [BlockPlan(int(row.sum()), width, 1, 0, width) for row in masked]
        self.states = states if states is not None else [None] * rows
        self.numbers = [number] * rows
        self.compat = compat
        self.generator = torch.Generator().manual_seed(seed)
        self.confidence = grid(confidence, -torch.inf)
        self.margin = grid(margin, -torch.inf)
        self.entropy = grid(entropy, torch.inf)
        self.proposal = torch.full(masked.shape, 5)
        if log_probs is not None:
            self.log_probs = self.logits = log_probs[masked]
            top = log_probs.max(2)
            self.proposal = top.indices.masked_fill(~masked, 0)
            self.confidence = top.values.exp().masked_fill(~masked, -torch.inf)
        self.top_probability = self.confidence

    def uniform(self) -> torch.Tensor:
        return torch.rand(self.to_unmask.shape, generator=self.generator)


def grid(values: Sequence[Sequence[float | None]] | None, empty: float) -> torch.Tensor:
    rows = values or ()
    return torch.tensor([[empty if value is None else value for value in row] for row in rows])


def chosen(commit: torch.Tensor) -> list[list[int]]:
    """The positions of each row."""
    return [row.nonzero().flatten().tolist() for row in commit]
