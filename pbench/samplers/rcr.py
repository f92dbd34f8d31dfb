"""Running-confidence remasking (MDPO, arXiv 2508.13148).

Checked against cases worked out by hand. Unlike the public code, only tokens that were generated
in this block are remasked, and the forward passes are counted.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field

from pbench.config import Strict
from pbench.interfaces import BlockPlan, Selection, Step, Traits
from pbench.samplers.pace import Memory, recall, require_room, store, targets, timetable
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import top_n

__all__ = ["Rcr", "RcrOptions"]


class RcrOptions(Strict):
    k: int = Field(ge=1, description="tokens that stand more after each step")
    running: Literal["max", "last"] = Field(
        "max", description="running confidence: the highest so far (paper), or the latest (public code)"
    )


@SAMPLERS.add("rcr")
class Rcr(Policy):
    """Every step proposes all masked positions; those of the block with the highest running confidence stand.

    Step i lets i * k tokens stand, whether new or old, and remasks or leaves masked the others.
    """

    name = "rcr"
    traits = Traits(may_remask=True)
    Options = RcrOptions
    options: RcrOptions

    def check(self, gen_length: int, block_length: int) -> None:  # noqa: ARG002 - blocks matter alone
        require_room("--k", self.options.k, block_length)

    def plan_block(self, block: BlockPlan) -> Memory:  # noqa: ARG002 - the pace follows from the plan
        return Memory()

    def max_steps(self, block: BlockPlan) -> int:
        return len(timetable(block.masks, self.options.k))

    def select(self, step: Step) -> Selection:
        tables = [timetable(plan.masks, self.options.k) for plan in step.plans]
        before = recall(step.states, torch.full_like(step.confidence, -torch.inf))
        if self.options.running == "max" and not step.compat:
            latest = torch.maximum(before, step.confidence)
        else:
            latest = step.confidence
        running = torch.where(step.to_unmask, latest, before)
        store(step.states, running)
        stands = top_n(running, ~step.fixed, targets(step, tables))
        return Selection(stands & step.to_unmask, remask=~step.fixed & ~step.to_unmask & ~stands)
