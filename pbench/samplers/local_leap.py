"""LocalLeap (arXiv 2510.07081): a relaxed threshold in the neighbourhood of sure positions.

Checked against neighbourhoods written out by hand, and against `threshold` at equal gammas.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from pbench.config import Strict
from pbench.interfaces import Selection, Step
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import best

__all__ = ["LocalLeap", "LocalLeapOptions", "near"]


def near(anchors: Tensor, radius: int) -> Tensor:
    """Positions at most `radius` from one that is set in `anchors`, bool [R, W]."""
    grown = torch.nn.functional.max_pool1d(anchors.float(), 2 * radius + 1, stride=1, padding=radius)
    return grown > 0


class LocalLeapOptions(Strict):
    gamma: float = Field(ge=0, le=2, description="anchors: confidence >= gamma; above 1: one a step")
    relaxed_gamma: float = Field(0.75, ge=0, le=2, description="threshold near an anchor")
    radius: int = Field(4, ge=0, le=4096, description="positions to each side of an anchor")


@SAMPLERS.add("local-leap")
class LocalLeap(Policy):
    """Candidates with confidence >= gamma are anchors; these and the candidates within the radius of
    an anchor with confidence >= relaxed gamma are committed. The best candidate where there is no anchor.
    """

    name = "local-leap"
    Options = LocalLeapOptions
    options: LocalLeapOptions

    def select(self, step: Step) -> Selection:
        options, confidence = self.options, step.confidence
        anchors = (confidence >= options.gamma) & step.to_unmask
        relaxed = near(anchors, options.radius) & (confidence >= options.relaxed_gamma) & step.to_unmask
        return Selection(anchors | relaxed | best(confidence, step.to_unmask))
