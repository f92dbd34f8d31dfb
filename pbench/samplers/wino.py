"""WINO, wide in and narrow out (arXiv 2507.18578): commit generously, take back what does not hold.

Checked against cases worked out by hand, and top-1 at gamma 1. Unlike ParallelBench's
copy, shadow positions are never candidates, and given tokens are never taken back.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from pbench.config import Strict
from pbench.interfaces import BlockPlan, Selection, Step, Traits
from pbench.samplers.pace import Memory, recall, store
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import best, top_n

__all__ = ["Wino", "WinoOptions"]

_FEWEST, _MOST = 5, 20  # bounds of the number of commits a step


class WinoOptions(Strict):
    gamma: float = Field(ge=0, le=2, description="commit where confidence > gamma")
    gamma_back: float = Field(
        0.9, ge=0, le=1, description="take back where the token's probability in the shadow block < this"
    )


@SAMPLERS.add("wino", "wino-dllm")
class Wino(Policy):
    """All candidates with confidence > gamma (at most 0.7 of the masks, clamped to 5..20), or the best one.

    After more than one commit, earlier tokens of the block whose probability in a shadow block of
    masks is < gamma-back are remasked: the least probable, fewer than the step before committed.
    """

    name = "wino"
    aliases = ("wino-dllm",)
    traits = Traits(may_remask=True, shadow=True, needs=frozenset({"position_ids", "arbitrary_mask"}))
    Options = WinoOptions
    options: WinoOptions

    def plan_block(self, block: BlockPlan) -> Memory:  # noqa: ARG002 - every block starts alike
        """The memory holds the masks before the last step: those gone now are last_accept."""
        return Memory()

    def max_steps(self, block: BlockPlan) -> int:
        # A step remasks fewer tokens than the one before it committed, so each but the first nets one.
        return block.masks

    def select(self, step: Step) -> Selection:
        masks = step.to_unmask
        sure = masks & (step.confidence > self.options.gamma)
        most = (7 * masks.sum(1) // 10).clamp(_FEWEST, _MOST)
        commit = top_n(step.confidence, sure, most) | best(step.confidence, masks)
        remask = self._taken_back(step) & (commit.sum(1, keepdim=True) > 1)
        store(step.states, masks)
        return Selection(commit, remask=remask)

    def _taken_back(self, step: Step) -> Tensor:
        """Committed tokens that do not hold, the least probable first: bool [R, W]."""
        before = recall(step.states, torch.zeros_like(step.to_unmask))
        accepted = (before & ~step.to_unmask).sum(1)
        doubtful = step.shadow_probability < self.options.gamma_back
        return top_n(-step.shadow_probability, doubtful, accepted - 1)
