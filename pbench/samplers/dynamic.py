"""Dynamic low-confidence decoding of block-diffusion models (SDAR, arXiv 2510.06303; TraDo, 2509.06949).

The published rule commits {c > gamma} if that is at least the schedule's quota, else the quota's
best; here the schedule has as many steps as the block has masks, so the quota is 1. Checked
against sets written out by hand, and against `threshold` with `--comparison gt`.
"""

from __future__ import annotations

from pydantic import Field

from pbench.config import Strict
from pbench.interfaces import Selection, Step
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import best

__all__ = ["Dynamic", "DynamicOptions"]


class DynamicOptions(Strict):
    gamma: float = Field(ge=0, le=2, description="commit where confidence > gamma; 1 or more: one a step")


@SAMPLERS.add("dynamic", "low-confidence-dynamic")
class Dynamic(Policy):
    """All candidates with confidence > gamma where these are at least the step's quota of one; the
    quota's best candidate where they are not.
    """

    name = "dynamic"
    aliases = ("low-confidence-dynamic",)
    Options = DynamicOptions
    options: DynamicOptions

    def select(self, step: Step) -> Selection:
        sure = (step.confidence > self.options.gamma) & step.to_unmask
        return Selection(sure | best(step.confidence, step.to_unmask))
