"""Fixed-rate samplers: the k best candidates a step, by five scores.

Random, left-to-right, confidence (LLaDA's low-confidence order), margin and entropy (Dream's
names); sources in docs/samplers.md. NFE is the number of steps planned.
"""

from __future__ import annotations

import torch
from pydantic import Field, model_validator
from torch import Tensor

from pbench.config import Strict
from pbench.errors import UsageError
from pbench.interfaces import BlockPlan, Selection, Step
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.schedules import even_schedule, exact_schedule
from pbench.samplers.selection import top_n

__all__ = ["Confidence", "Entropy", "LeftToRight", "Margin", "Random", "RateOptions"]


class RateOptions(Strict):
    """Either exactly k tokens a step, or LLaDA's even schedule over a number of steps."""

    k: int | None = Field(None, ge=1, description="tokens a step, the remainder in the last step")
    steps: int | None = Field(None, ge=1, description="steps for the whole answer, spread evenly")

    @model_validator(mode="after")
    def _one_of_both(self) -> RateOptions:
        if (self.k is None) == (self.steps is None):
            raise ValueError("give either --k (tokens a step) or --steps (LLaDA's schedule)")
        return self


class TopK(Policy):
    """Base of the five: subclasses say only by which score candidates are ranked."""

    Options = RateOptions
    options: RateOptions

    def score(self, step: Step) -> Tensor:
        """Float [R, W], higher first."""
        raise NotImplementedError

    def check(self, gen_length: int, block_length: int) -> None:
        k, steps, blocks = self.options.k, self.options.steps, gen_length // block_length
        if k is not None and k > block_length:
            raise UsageError(f"--k {k} is more than the block holds: block_length is {block_length}")
        if steps is not None and (steps % blocks or steps > gen_length):
            raise UsageError(
                f"--steps {steps} must be a multiple of the {blocks} blocks, at most gen_length {gen_length}"
            )

    def plan_block(self, block: BlockPlan) -> tuple[int, ...]:
        if self.options.k is not None:
            return exact_schedule(block.masks, self.options.k)
        assert self.options.steps is not None
        return even_schedule(block.masks, self.options.steps // block.blocks)

    def max_steps(self, block: BlockPlan) -> int:
        return len(self.plan_block(block))

    def select(self, step: Step) -> Selection:
        quota = [plan[number] for plan, number in zip(step.states, step.numbers, strict=True)]
        return Selection(
            top_n(self.score(step), step.to_unmask, torch.tensor(quota, device=step.to_unmask.device))
        )


@SAMPLERS.add("random")
class Random(TopK):
    """k candidates drawn anew at each step; the tokens are still the model's proposals."""

    name = "random"

    def score(self, step: Step) -> Tensor:
        return step.uniform()


@SAMPLERS.add("left-to-right", "l2r")
class LeftToRight(TopK):
    """The k leftmost candidates."""

    name = "left-to-right"
    aliases = ("l2r",)

    def score(self, step: Step) -> Tensor:
        width = step.to_unmask.shape[1]
        return -torch.arange(width, device=step.to_unmask.device).expand_as(step.to_unmask).float()


@SAMPLERS.add("confidence", "confidence-topk")
class Confidence(TopK):
    """The k candidates whose proposals have the highest probability."""

    name = "confidence"
    aliases = ("confidence-topk",)

    def score(self, step: Step) -> Tensor:
        return step.confidence


@SAMPLERS.add("margin", "topk-margin")
class Margin(TopK):
    """The k candidates with the widest gap between the two most probable tokens."""

    name = "margin"
    aliases = ("topk-margin",)

    def score(self, step: Step) -> Tensor:
        return step.margin


@SAMPLERS.add("entropy", "entropy-topk")
class Entropy(TopK):
    """The k candidates with the lowest entropy."""

    name = "entropy"
    aliases = ("entropy-topk",)

    def score(self, step: Step) -> Tensor:
        return -step.entropy
