"""Confidence threshold (Fast-dLLM, arXiv 2505.22618): commit everything that is sure enough.

`>=` is Fast-dLLM's and ParallelBench's comparison; TraDo, SDAR, SGLang and dInfer compare strictly.
A threshold on random numbers or on negated entropy, which some public code accepts, says nothing
and is not offered. Checked against sets written out by hand, and against top-1 for gammas above 1.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pbench.config import Strict
from pbench.interfaces import Selection, Step
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import best

__all__ = ["Threshold", "ThresholdOptions"]


class ThresholdOptions(Strict):
    gamma: float = Field(ge=0, le=2, description="commit where the score passes gamma; above 1: one a step")
    score: Literal["confidence", "margin"] = Field(
        "confidence", description="probability of the proposal, or its lead over the next token"
    )
    comparison: Literal["ge", "gt"] = Field("ge", description="ge: score >= gamma; gt: score > gamma")


@SAMPLERS.add("threshold", "confidence-threshold")
class Threshold(Policy):
    """All candidates whose confidence (or margin) is at least gamma, or above it with `gt`.
    The best one where there is none.
    """

    name = "threshold"
    aliases = ("confidence-threshold",)
    Options = ThresholdOptions
    options: ThresholdOptions

    def select(self, step: Step) -> Selection:
        score = step.confidence if self.options.score == "confidence" else step.margin
        gamma = self.options.gamma
        sure = score >= gamma if self.options.comparison == "ge" else score > gamma
        return Selection((sure & step.to_unmask) | best(score, step.to_unmask))
