"""Fixed-rate samplers: the k best candidates a step, by five scores.

Random and confidence are the orders of LLaDA (arXiv 2502.09992; confidence also MaskGIT, arXiv
2202.04200), margin is arXiv 2502.06768, entropy Dream's (arXiv 2508.15487), left-to-right the
autoregressive order. NFE is the number of steps planned. A selection temperature draws the
positions as Dream's `alg_temp` does. Checked against rankings and schedules written out by hand,
and the draws against their probabilities.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from pydantic import Field, model_validator
from torch import Tensor

from pbench.config import Strict
from pbench.errors import UsageError
from pbench.interfaces import BlockPlan, Selection, Step
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.schedules import check_steps, dream_schedule, even_schedule, exact_schedule
from pbench.samplers.selection import best, gumbel, top_n

__all__ = [
    "Confidence",
    "DrawnRateOptions",
    "Entropy",
    "LeftToRight",
    "Margin",
    "Random",
    "RateOptions",
    "TopK",
]


class RateOptions(Strict):
    """Either exactly k tokens a step, or LLaDA's even schedule over a number of steps."""

    k: int | None = Field(None, ge=1, description="tokens a step, the remainder in the last step")
    steps: int | None = Field(None, ge=1, description="steps for the whole answer, spread evenly")

    @model_validator(mode="after")
    def _one_of_both(self) -> RateOptions:
        if (self.k is None) == (self.steps is None):
            raise ValueError("give either --k (tokens a step) or --steps (LLaDA's schedule)")
        return self


class DrawnRateOptions(RateOptions):
    selection_temperature: float = Field(
        0.0, ge=0, le=1000, description="T > 0 draws positions from softmax(score / T); 0 = the best"
    )


class TopK(Policy):
    """Base of fixed-rate samplers: subclasses say only by which score candidates are ranked."""

    Options: ClassVar[type[RateOptions]] = RateOptions
    options: RateOptions

    def score(self, step: Step) -> Tensor:
        """Float [R, W], higher first."""
        raise NotImplementedError

    def check(self, gen_length: int, block_length: int) -> None:
        k, steps = self.options.k, self.options.steps
        if k is not None and k > block_length:
            raise UsageError(f"--k {k} is more than the block holds: block_length is {block_length}")
        if steps is not None:
            check_steps(steps, gen_length, block_length)

    def plan_block(self, block: BlockPlan) -> tuple[int, ...]:
        if block.schedule == "dream":
            return dream_schedule(block.masks, self._steps(block))
        if self.options.k is not None:
            return exact_schedule(block.masks, self.options.k)
        return even_schedule(block.masks, self._steps(block))

    def _steps(self, block: BlockPlan) -> int:
        if self.options.k is not None:
            return math.ceil(block.masks / self.options.k)
        assert self.options.steps is not None
        return self.options.steps // block.blocks

    def max_steps(self, block: BlockPlan) -> int:
        return len(self.plan_block(block))

    def select(self, step: Step) -> Selection:
        quota = [plan[number] for plan, number in zip(step.states, step.numbers, strict=True)]
        if set(quota) == {1}:
            return Selection(best(self.score(step), step.to_unmask))
        counts = torch.tensor(quota, device=step.to_unmask.device)
        return Selection(top_n(self.score(step), step.to_unmask, counts))


class DrawnTopK(TopK):
    """Base of those whose ranking can be loosened by `--selection-temperature`."""

    Options = DrawnRateOptions
    options: DrawnRateOptions

    def score(self, step: Step) -> Tensor:
        """The rank, or at T > 0 rank / T + Gumbel noise: its k best are k draws without replacement."""
        temperature = self.options.selection_temperature
        rank = self.rank(step)
        return rank if temperature == 0 else rank / temperature + gumbel(step.uniform())

    def rank(self, step: Step) -> Tensor:
        """Float [R, W], higher first."""
        raise NotImplementedError


@SAMPLERS.add("random")
class Random(TopK):
    """k candidates a step, drawn anew each time. The tokens are still the model's proposals."""

    name = "random"

    def score(self, step: Step) -> Tensor:
        return step.uniform()


@SAMPLERS.add("left-to-right", "l2r")
class LeftToRight(DrawnTopK):
    """The k leftmost candidates a step."""

    name = "left-to-right"
    aliases = ("l2r",)

    def rank(self, step: Step) -> Tensor:
        width = step.to_unmask.shape[1]
        return -torch.arange(width, device=step.to_unmask.device).expand_as(step.to_unmask).float()


@SAMPLERS.add("confidence", "confidence-topk")
class Confidence(DrawnTopK):
    """The k candidates a step whose proposals have the highest probability."""

    name = "confidence"
    aliases = ("confidence-topk",)

    def rank(self, step: Step) -> Tensor:
        return step.confidence


@SAMPLERS.add("margin", "topk-margin")
class Margin(DrawnTopK):
    """The k candidates a step with the widest gap between the two most probable tokens."""

    name = "margin"
    aliases = ("topk-margin",)

    def rank(self, step: Step) -> Tensor:
        return step.margin


@SAMPLERS.add("entropy", "entropy-topk")
class Entropy(DrawnTopK):
    """The k candidates a step with the lowest entropy."""

    name = "entropy"
    aliases = ("entropy-topk",)

    def rank(self, step: Step) -> Tensor:
        return -step.entropy
