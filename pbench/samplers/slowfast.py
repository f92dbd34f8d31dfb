"""SlowFast sampling (arXiv 2506.10848): explore how far the answer is settled, then fill that part.

Checked against a case worked out by hand, and top-1 for gammas above 1. The published loop spends
all exploration steps even on a block that is full; here a block ends with its last mask
(`--compat parallelbench`: as published).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean, pstdev

import torch
from pydantic import Field
from torch import Tensor

from pbench.config import Strict
from pbench.interfaces import BlockPlan, Selection, Step, Traits
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import best

__all__ = ["SlowFast", "SlowFastOptions"]

_STEADY = 1.0  # standard deviation of the estimates below which the length is settled


class SlowFastOptions(Strict):
    gamma: float = Field(ge=0, le=2, description="commit together where confidence >= gamma")
    cycle_threshold: float = Field(
        0.3, ge=0, le=1, description="confidence from which a position counts as settled"
    )
    exploration_steps: int = Field(6, ge=1, le=256, description="forward passes of a slow phase")
    window: int = Field(2, ge=1, le=64, description="estimates of the length that must agree")


@dataclass(slots=True)
class Cycle:
    """Where a row is: exploring from `last` on (`end` None), or filling the places last..end."""

    last: int = 0
    end: int | None = None
    explored: int = 0
    settled: int | None = None
    estimates: list[int] = field(default_factory=list)

    def explore(self, estimate: int, options: SlowFastOptions) -> None:
        """Take in the estimate of one slow forward; after the last one the fast phase begins."""
        self.explored += 1
        if self.settled is None:
            self.estimates = [*self.estimates, estimate][-options.window :]
            if len(self.estimates) == options.window and pstdev(self.estimates) < _STEADY:
                self.settled = estimate
        if self.explored == options.exploration_steps:
            self.end = int(fmean(self.estimates)) if self.settled is None else self.settled

    def restart(self) -> None:
        """The places before `end` stand: explore from there on."""
        self.last, self.end = self.end or 0, None
        self.explored, self.settled, self.estimates = 0, None, []


@SAMPLERS.add("slowfast")
class SlowFast(Policy):
    """Slow phase: a few steps fill the block and estimate up to where the model is settled.

    Fast phase: the part up to there is filled; both commit all candidates with confidence >= gamma
    if these are more than one, else the best one.
    """

    name = "slowfast"
    traits = Traits(may_continue=True)
    Options = SlowFastOptions
    options: SlowFastOptions

    def plan_block(self, block: BlockPlan) -> Cycle:  # noqa: ARG002 - every block starts alike
        return Cycle()

    def max_steps(self, block: BlockPlan) -> int:
        # Only with compat does a forward commit nothing: the rest of a slow phase on a full block.
        return block.masks + self.options.exploration_steps - 1

    def select(self, step: Step) -> Selection:
        cycles: list[Cycle] = step.states
        self._end_fast_phases(step, cycles)
        places = torch.arange(step.to_unmask.shape[1], device=step.to_unmask.device)
        ahead = step.to_unmask & (places >= self._column([cycle.last for cycle in cycles], places))
        ends = self._column([places.numel() if c.end is None else c.end for c in cycles], places)
        region = ahead & (places < ends)
        self._explore(step, cycles, ahead)
        sure = region & (step.confidence >= self.options.gamma)
        several = sure.sum(1, keepdim=True) > 1
        commit = torch.where(several, sure, best(step.confidence, region))
        # Exact mode never goes on with a full block; the original ends its slow phase first.
        done = [not step.compat or cycle.end is not None for cycle in cycles]
        return Selection(commit, done=torch.tensor(done, device=places.device))

    def _end_fast_phases(self, step: Step, cycles: list[Cycle]) -> None:
        """Rows whose fast phase has nothing left to fill go on exploring, without a forward for it."""
        for cycle, masked in zip(cycles, step.to_unmask.tolist(), strict=True):
            if cycle.end is not None and not any(masked[cycle.last : cycle.end]):
                cycle.restart()

    def _explore(self, step: Step, cycles: list[Cycle], ahead: Tensor) -> None:
        """Estimate the settled length of exploring rows: the farthest candidate that is likely enough."""
        width = ahead.shape[1]
        likely = ahead & (step.confidence >= self.options.cycle_threshold)
        beyond = (likely * torch.arange(1, width + 1, device=ahead.device)).amax(1)
        for cycle, estimate in zip(cycles, beyond.tolist(), strict=True):
            if cycle.end is None:
                cycle.explore(min(estimate or cycle.last + 1, width), self.options)

    @staticmethod
    def _column(values: list[int], like: Tensor) -> Tensor:
        return torch.tensor(values, device=like.device).unsqueeze(1)
