"""Confidence threshold (Fast-dLLM, arXiv 2505.22618): commit everything that is sure enough."""

from __future__ import annotations

from pydantic import Field

from pbench.config import Strict
from pbench.interfaces import Selection, Step
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import best

__all__ = ["Threshold", "ThresholdOptions"]


class ThresholdOptions(Strict):
    gamma: float = Field(ge=0, le=2, description="commit where confidence >= gamma; above 1: one a step")


@SAMPLERS.add("threshold", "confidence-threshold")
class Threshold(Policy):
    """All candidates with confidence >= gamma, or the best one where none has."""

    name = "threshold"
    aliases = ("confidence-threshold",)
    Options = ThresholdOptions
    options: ThresholdOptions

    def select(self, step: Step) -> Selection:
        sure = step.confidence >= self.options.gamma
        return Selection((sure & step.to_unmask) | best(step.confidence, step.to_unmask))
