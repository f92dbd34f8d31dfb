"""Joint threshold: unmasking and token editing at once, LLaDA2.1's own decoding.

Source: the LLaDA2.1 report's threshold decoding with token-to-token editing, as SGLang and dllm
run it. Checked against a case worked out by hand; with edit-gamma 1 it commits as a strict threshold.
"""

from __future__ import annotations

import torch
from pydantic import Field

from pbench.config import Strict
from pbench.interfaces import BlockPlan, Selection, Step, Traits
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import best

__all__ = ["POST_STEPS", "JointThreshold", "JointThresholdOptions"]

POST_STEPS = 16  # forward passes on a block without masks, at most


class JointThresholdOptions(Strict):
    gamma: float = Field(ge=0, le=2, description="commit where confidence > gamma")
    edit_gamma: float = Field(
        0.9, ge=0, le=1, description="replace a token where another one's probability > this"
    )


@SAMPLERS.add("joint-threshold")
class JointThreshold(Policy):
    """All candidates with confidence > gamma, or the best one; tokens change where another is > edit-gamma.

    A block without masks goes on until a forward changes nothing, at most 16 times.
    """

    name = "joint-threshold"
    traits = Traits(may_edit=True, may_idle=True, may_continue=True, sees_committed=True)
    Options = JointThresholdOptions
    options: JointThresholdOptions

    def plan_block(self, block: BlockPlan) -> list[int]:  # noqa: ARG002 - every block starts alike
        """One counter: the forward passes on the block without masks."""
        return [0]

    def max_steps(self, block: BlockPlan) -> int:
        return block.masks + POST_STEPS

    def select(self, step: Step) -> Selection:
        masks = step.to_unmask
        commit = (masks & (step.confidence > self.options.gamma)) | best(step.confidence, masks)
        edit = (
            ~masks
            & ~step.fixed
            & (step.proposal != step.tokens)
            & (step.top_probability > self.options.edit_gamma)
        )
        full = ~masks.any(1)
        for state, post in zip(step.states, full.tolist(), strict=True):
            state[0] += post
        spent = torch.tensor([state[0] >= POST_STEPS for state in step.states], device=masks.device)
        done = full & (~edit.any(1) | spent)
        return Selection(commit | edit, done=done, confidence=step.top_probability)
