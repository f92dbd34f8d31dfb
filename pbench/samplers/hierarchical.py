"""Hierarchical decoding (dInfer, arXiv 2510.08666): a threshold, and one commit in every gap.

Both comparisons are strict, as in dInfer. Checked against runs written out by hand, and against
`threshold` with a low gamma that nothing reaches.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from pbench.config import Strict
from pbench.interfaces import Selection, Step
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import best, rank

__all__ = ["Hierarchical", "HierarchicalOptions", "best_of_runs"]


def best_of_runs(scores: Tensor, to_unmask: Tensor) -> Tensor:
    """The best position of every run of neighbouring candidates (ties: the lower), bool [R, W]."""
    rows, width = to_unmask.shape
    run = (~to_unmask).cumsum(1)  # the same number all along a run of candidates
    ranks = rank(scores).masked_fill(~to_unmask, width)
    lowest = torch.full((rows, width + 1), width, dtype=ranks.dtype, device=ranks.device)
    lowest.scatter_reduce_(1, run, ranks, "amin")
    return (ranks == lowest.gather(1, run)) & to_unmask


class HierarchicalOptions(Strict):
    gamma: float = Field(ge=0, le=2, description="commit where confidence > gamma")
    low_gamma: float = Field(0.6, ge=0, le=2, description="threshold for the best of a run of masks")


@SAMPLERS.add("hierarchical")
class Hierarchical(Policy):
    """All candidates with confidence > gamma, and of every run of neighbouring masks the best one if
    its confidence is > low gamma, which splits the run. The best candidate where there is none.
    """

    name = "hierarchical"
    Options = HierarchicalOptions
    options: HierarchicalOptions

    def select(self, step: Step) -> Selection:
        confidence, to_unmask = step.confidence, step.to_unmask
        sure = (confidence > self.options.gamma) & to_unmask
        splitting = best_of_runs(confidence, to_unmask) & (confidence > self.options.low_gamma)
        return Selection(sure | splitting | best(confidence, to_unmask))
