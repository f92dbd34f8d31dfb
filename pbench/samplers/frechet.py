"""Fréchet profile (Fast-dLLM++, arXiv 2606.02955): a bound on the joint probability of a prefix.

Checked against golden vectors written out by hand, and against `factor` at factor = 1 - delta on
equal confidences, where the two rules are one.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from pbench.config import Strict
from pbench.interfaces import Selection, Step
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import top_n

__all__ = ["Frechet", "FrechetOptions", "frechet_count"]


def frechet_count(confidence: Tensor, delta: float) -> Tensor:
    """Largest n with sum_{j<=n} c_(j) - (n - 1) - (1 - c_(n)) > delta per row of [R, W]; at least 1.

    The first terms are the Fréchet lower bound on the joint probability of the n best, the last is
    the upper bound on their best competitor. The difference never grows with n, so the set is a
    prefix of the ranking. Written with 1 - c in float64: no cancellation. Returns int64 [R].
    """
    missing = 1 - confidence.double().sort(dim=1, descending=True).values
    passed = missing.cumsum(1) + missing < 1 - delta
    return passed.sum(dim=1).clamp_min(1)


class FrechetOptions(Strict):
    delta: float = Field(ge=-1, le=1, description="margin that the bound must exceed; larger = more careful")


@SAMPLERS.add("frechet")
class Frechet(Policy):
    """The longest prefix of the candidates, ordered by confidence, whose Fréchet lower bound on the
    joint probability exceeds the upper bound 1 - c_(n) of its best competitor by more than delta.
    At least the best candidate.
    """

    name = "frechet"
    Options = FrechetOptions
    options: FrechetOptions

    def select(self, step: Step) -> Selection:
        count = frechet_count(step.confidence, self.options.delta)
        return Selection(top_n(step.confidence, step.to_unmask, count))
