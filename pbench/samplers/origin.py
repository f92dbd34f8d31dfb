"""Dream's original order (arXiv 2508.15487, `alg=origin`): every position flips its own coin.

Timesteps fall from 1 to eps = 1e-3 as in Dream; with `--compat parallelbench` to 0, which
ParallelBench sets for the whole Dream family. The original spends all its steps even where no mask
is left; here a block ends with its last mask, so NFE is at most the number of steps. Checked against
probabilities written out by hand and against their frequencies.
"""

from __future__ import annotations

import torch
from pydantic import Field

from pbench.config import Strict
from pbench.interfaces import BlockPlan, Selection, Step, Traits
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.schedules import check_steps

__all__ = ["Origin", "OriginOptions", "commit_probability"]

DREAM_EPS = 1e-3


def commit_probability(number: int, steps: int, eps: float) -> float:
    """1 - t_(i+1) / t_i for t = linspace(1, eps, steps + 1) at step i = `number`; 1 at the last step."""
    if number + 1 >= steps:
        return 1.0
    fall = (1 - eps) / steps
    return fall / (1 - number * fall)


class OriginOptions(Strict):
    steps: int = Field(ge=1, description="steps for the whole answer, the same number in each block")


@SAMPLERS.add("origin")
class Origin(Policy):
    """Every candidate is committed with probability 1 - t_(i+1) / t_i, independently of its score and
    of the others; the last step commits the rest. The number a step is random and may be 0.
    """

    name = "origin"
    traits = Traits(may_idle=True)
    Options = OriginOptions
    options: OriginOptions

    def check(self, gen_length: int, block_length: int) -> None:
        check_steps(self.options.steps, gen_length, block_length)

    def plan_block(self, block: BlockPlan) -> int:
        """The number of steps of the block."""
        return self.options.steps // block.blocks

    def max_steps(self, block: BlockPlan) -> int:
        return self.plan_block(block)

    def select(self, step: Step) -> Selection:
        eps = 0.0 if step.compat else DREAM_EPS
        chances = [
            commit_probability(number, steps, eps)
            for number, steps in zip(step.numbers, step.states, strict=True)
        ]
        uniform = step.uniform()
        chance = torch.tensor(chances, dtype=uniform.dtype, device=uniform.device).unsqueeze(1)
        return Selection((uniform < chance) & step.to_unmask)
