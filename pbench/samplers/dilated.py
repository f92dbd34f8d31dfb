"""Dilated unmasking (DUS, arXiv 2506.19037): fixed levels of positions that stand far apart.

Positions below the skip threshold wait for the next level and the last level commits everything.
The released code never comes back to them, so masks stay in its answers and vanish from the text.
With `--compat parallelbench` they are not visited again either, the later levels see masks there,
and NFE is the same; but an answer with masks in it is never handed out: with the last level they
get that step's proposals, so these answers have tokens where the original's have none.
Checked against level tables written out by hand and the published tokens per step (block length
over number of levels).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from pydantic import Field
from torch import Tensor

from pbench.config import Strict
from pbench.interfaces import BlockPlan, Selection, Step
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import best

__all__ = ["Dilated", "DilatedOptions", "level_table"]


@lru_cache
def level_table(length: int, base: int) -> tuple[tuple[int, ...], ...]:
    """Positions of each level of a block; ((0, 4), (2, 6), (1, 3, 5, 7)) for length 8 and base 2.

    Strides are length/base, length/base^2, ..., 1: a level takes the free multiples of its stride.
    A last level smaller than the one before is merged with it.
    """
    levels: list[list[int]] = []
    free = list(range(length))
    stride = length // base
    while free:
        taken = [position for position in free if position % max(stride, 1) == 0]
        free = sorted(set(free) - set(taken))
        levels += [taken] if taken else []
        stride //= base
    if len(levels) > 1 and len(levels[-1]) < len(levels[-2]):
        last = levels.pop()
        levels[-1] = sorted(levels[-1] + last)
    return tuple(map(tuple, levels))


@dataclass(slots=True)
class Progress:
    """One row's block: the level that is next."""

    level: int = 0


class DilatedOptions(Strict):
    skip_threshold: float = Field(
        0.3, ge=0, le=1, description="less confident positions are put off, but not from the last level"
    )
    base: int = Field(2, ge=2, le=64, description="factor by which the stride shrinks from level to level")


@SAMPLERS.add("dilated", "dus")
class Dilated(Policy):
    """One level of a fixed table a step: first positions that are half a block apart, then those half
    way between, and so on. Candidates below the skip threshold go to the next level; the last takes all.
    """

    name = "dilated"
    aliases = ("dus",)
    Options = DilatedOptions
    options: DilatedOptions

    def plan_block(self, block: BlockPlan) -> Progress:  # noqa: ARG002 - the same start for all blocks
        return Progress()

    def max_steps(self, block: BlockPlan) -> int:
        return min(block.masks, len(level_table(block.length, self.options.base)))

    def select(self, step: Step) -> Selection:
        level = self._levels(step)
        now, last = _current(level, step)
        due = level == now if step.compat else level <= now
        due = (due | last) & step.to_unmask
        sure = due & ((step.confidence >= self.options.skip_threshold) | last)
        return Selection(sure | best(step.confidence, due))

    def _levels(self, step: Step) -> Tensor:
        """Level of each block position, int64 [W]."""
        width = step.to_unmask.shape[1]
        level = torch.empty(width, dtype=torch.long)
        for number, positions in enumerate(level_table(width, self.options.base)):
            level[list(positions)] = number
        return level.to(step.to_unmask.device)


def _current(level: Tensor, step: Step) -> tuple[Tensor, Tensor]:
    """The level that is due now and whether it is the row's last, [R, 1] each; states move on.

    Levels without a mask (given tokens) are passed over; past the last one all that is left is due.
    """
    states = step.states
    none = int(level.max()) + 1
    due = torch.tensor([state.level for state in states], device=level.device).unsqueeze(1)
    ahead = level.masked_fill(~step.to_unmask, none).masked_fill(level < due, none)
    now = ahead.amin(1, keepdim=True)
    last = ahead.masked_fill(ahead == now, none).amin(1, keepdim=True) == none
    for state, number in zip(states, now.squeeze(1).tolist(), strict=True):
        state.level = number + 1
    return now, last
