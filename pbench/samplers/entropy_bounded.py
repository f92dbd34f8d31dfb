"""Entropy-bounded sampler (EB-Sampler, arXiv 2505.24857), entropy as the error proxy.

The bound is in nats (some public code takes bits). Checked against golden vectors written out by
hand, and against entropy top-1 at a bound of 0.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from pbench.config import Strict
from pbench.interfaces import Selection, Step
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import top_n

__all__ = ["EntropyBounded", "EntropyBoundedOptions", "bounded_count"]


def bounded_count(entropy: Tensor, bound: float) -> Tensor:
    """Largest n so that the n lowest entropies without their maximum sum to at most `bound`.

    `entropy` [R, W] in nats, +inf where there is no candidate. The prefix excluding its maximum
    is summed itself, for sum - maximum in floating point misses equality. Returns int64 [R], at least 1.
    """
    ordered = entropy.double().sort(dim=1).values
    below = ordered.cumsum(1).roll(1, dims=1)
    below[:, 0] = 0
    return (below <= bound).sum(dim=1)


class EntropyBoundedOptions(Strict):
    entropy_bound: float = Field(ge=0, le=1000, description="nats; larger = more parallel, 0 = one a step")


@SAMPLERS.add("entropy-bounded", "eb", "confidence-eb", "eb-sampler")
class EntropyBounded(Policy):
    """The longest prefix of the candidates, ordered by entropy, whose entropies without the largest
    one sum to at most the bound: what the joint distribution can lose by independent draws.
    """

    name = "entropy-bounded"
    aliases = ("eb", "confidence-eb", "eb-sampler")
    Options = EntropyBoundedOptions
    options: EntropyBoundedOptions

    def select(self, step: Step) -> Selection:
        count = bounded_count(step.entropy, self.options.entropy_bound)
        return Selection(top_n(-step.entropy, step.to_unmask, count))
