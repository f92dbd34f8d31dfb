"""Confidence factor (Fast-dLLM, arXiv 2505.22618, the parallel decoding rule after theorem 1).

With `--compat parallelbench` the released code's last-rank rule: its scan cannot tell a failure of
the last rank from none, so it commits all candidates where only the least confident one fails.
Checked against golden vectors of both rules for five factors.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from pbench.config import Strict
from pbench.interfaces import Selection, Step
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import top_n

__all__ = ["Factor", "FactorOptions", "factor_count", "released_factor_count"]


def factor_count(confidence: Tensor, factor: float) -> Tensor:
    """Largest n with (n + 1)(1 - c_(n)) < factor for each row of `confidence` [R, W]; at least 1.

    c_(n) is the n-th highest confidence; -inf entries are no candidates. The left side grows with
    n, so the set is a prefix of the ranking. Returns int64 [R].
    """
    ordered = confidence.sort(dim=1, descending=True).values
    n = torch.arange(1, ordered.shape[1] + 1, device=ordered.device)
    passed = (n + 1) * (1 - ordered) < factor
    return passed.sum(dim=1).clamp_min(1)


def released_factor_count(confidence: Tensor, factor: float) -> Tensor:
    """The count as the released code has it: c_(n) >= 1 - factor / (n + 1), the first rank always.

    Where all ranks but the last pass, the last one is committed too. Returns int64 [R].
    """
    ordered = confidence.sort(dim=1, descending=True).values
    n = torch.arange(1, ordered.shape[1] + 1, device=ordered.device)
    passed = (ordered >= 1 - factor / (n + 1)).sum(dim=1).clamp_min(1)
    candidates = ordered.isfinite().sum(dim=1)
    return torch.where(passed >= candidates - 1, candidates, passed)


class FactorOptions(Strict):
    factor: float = Field(gt=0, le=64, description="larger = more parallel")


@SAMPLERS.add("factor", "confidence-factor")
class Factor(Policy):
    """The n most confident candidates for the largest n with (n + 1)(1 - c_(n)) < factor, where
    c_(n) is the n-th highest confidence. At least the best candidate.
    """

    name = "factor"
    aliases = ("confidence-factor",)
    Options = FactorOptions
    options: FactorOptions

    def select(self, step: Step) -> Selection:
        count = released_factor_count if step.compat else factor_count
        return Selection(top_n(step.confidence, step.to_unmask, count(step.confidence, self.options.factor)))
