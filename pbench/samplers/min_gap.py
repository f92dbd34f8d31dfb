"""The `--min-gap` filter (ICML 2026 version of DUS, arXiv 2506.19037): commits of a step stand apart.

It wraps any sampler: of the masks that the sampler would commit now it keeps a greedy subset, best
score first, in which no two are closer than the gap. Checked against subsets written out by hand;
a gap of 1 is the sampler itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from pydantic import BaseModel, Field, create_model
from torch import Tensor

from pbench.interfaces import BlockPlan, Sampler, Selection, Step
from pbench.samplers.selection import best, keep_apart

__all__ = ["MinGap", "with_min_gap"]

_FIELD: Any = (
    int | None,
    Field(None, ge=1, le=65536, description="least distance of positions committed at one step"),
)


@lru_cache
def with_min_gap(options: type[BaseModel]) -> type[BaseModel]:
    """The option model of a sampler with `min_gap` beside its own options."""
    return create_model(options.__name__, __base__=options, min_gap=_FIELD)


@dataclass(slots=True)
class Wrapped:
    """State of a row: the inner sampler's, and how many steps that one planned for the block."""

    inner: Any
    steps: int


class InnerStep:
    """The step as the inner sampler sees it: its own states, its own numbers of steps."""

    def __init__(self, step: Step):
        self._step = step
        self.states = [state.inner for state in step.states]
        self.numbers = [
            min(number, state.steps - 1) for number, state in zip(step.numbers, step.states, strict=True)
        ]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._step, name)


class MinGap:
    """A sampler whose commits of one step are at least `gap` positions apart.

    What the filter drops is a mask again at the next step, so a block can take longer than the
    inner sampler planned. Its last decision then stands for the further steps, without remasks and
    with at least one commit in each, and every row comes to its end.
    """

    def __init__(self, inner: Sampler, options: Any):
        self.inner = inner
        self.options = options
        self.name = inner.name
        self.aliases = inner.aliases
        self.traits = inner.traits
        self.Options = type(options)

    def check(self, gen_length: int, block_length: int) -> None:
        self.inner.check(gen_length, block_length)

    def plan_block(self, block: BlockPlan) -> Wrapped:
        return Wrapped(self.inner.plan_block(block), self.inner.max_steps(block))

    def max_steps(self, block: BlockPlan) -> int:
        return self.inner.max_steps(block) + block.masks

    def select(self, step: Step) -> Selection:
        inner: Any = InnerStep(step)
        chosen = self.inner.select(inner)
        late = self._late(step)
        scores = step.confidence if chosen.confidence is None else chosen.confidence
        masks = chosen.commit & step.to_unmask
        masks = masks | (best(scores, step.to_unmask) & late)
        kept = keep_apart(masks, scores, self.options.min_gap)
        edits = chosen.commit & ~step.to_unmask
        return replace(
            chosen,
            commit=kept | edits,
            remask=None if chosen.remask is None else chosen.remask & ~late,
            done=None if chosen.done is None else chosen.done | late.squeeze(1),
        )

    def _late(self, step: Step) -> Tensor:
        """Bool [R, 1]: the inner sampler's planned steps are over."""
        late = [number >= state.steps for number, state in zip(step.numbers, step.states, strict=True)]
        return torch.tensor(late, device=step.to_unmask.device).unsqueeze(1)
