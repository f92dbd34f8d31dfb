"""One block played by hand: the sampler decides, the scores of every forward are written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from pbench.interfaces import BlockPlan, Sampler

MASK = 1
GIVEN = 9  # the token of fixed positions


@dataclass
class Frame:
    """What one forward led to: block positions."""

    commit: list[int]
    remask: list[int]


@dataclass
class PlayedStep:
    """`pbench.interfaces.Step` of one row; scores and tokens of the forward come from the script."""

    tokens: torch.Tensor
    fixed: torch.Tensor
    states: list[Any]
    numbers: list[int]
    plans: list[BlockPlan]
    compat: bool
    top_probability: torch.Tensor
    proposal: torch.Tensor
    shadow: torch.Tensor
    to_unmask: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.to_unmask = self.tokens == MASK

    @property
    def confidence(self) -> torch.Tensor:
        return self.top_probability.masked_fill(~self.to_unmask, -torch.inf)

    @property
    def shadow_probability(self) -> torch.Tensor:
        return self.shadow.masked_fill(self.to_unmask | self.fixed, torch.inf)


class Play:
    """Plays one block until it has no mask (and the sampler lets it go), frame by frame.

    `scores(n)` are the probabilities of the proposals at forward n, `tokens(n)` the proposals
    (5 everywhere unless given), `shadow(n)` the shadow block's; each of the block's width.
    """

    def __init__(
        self,
        sampler: Sampler,
        scores: Callable[[int], Sequence[float]],
        *,
        tokens: Callable[[int], Sequence[int]] | None = None,
        shadow: Callable[[int], Sequence[float]] | None = None,
        fixed: Sequence[int] = (),
        compat: bool = False,
    ):
        width = len(scores(0))
        self.canvas = torch.full((1, width), MASK)
        self.canvas[0, list(fixed)] = GIVEN
        given = self.canvas != MASK
        plan = BlockPlan(int((~given).sum()), width, 1, 0, width)
        state = sampler.plan_block(plan)
        self.frames: list[Frame] = []
        self.bound = sampler.max_steps(plan)
        for number in range(self.bound):
            step: Any = PlayedStep(
                tokens=self.canvas,
                fixed=given,
                states=[state],
                numbers=[number],
                plans=[plan],
                compat=compat,
                top_probability=torch.tensor([list(scores(number))]),
                proposal=torch.tensor([list(tokens(number)) if tokens else [5] * width]),
                shadow=torch.tensor([list(shadow(number)) if shadow else [0.0] * width]),
            )
            done = self._apply(sampler, step, given)
            if done and not bool((self.canvas == MASK).any()):
                return
        raise AssertionError(f"not finished after {self.bound} forwards: {self.frames}")

    def _apply(self, sampler: Sampler, step: Any, given: torch.Tensor) -> bool:
        chosen = sampler.select(step)
        remask = torch.zeros_like(given) if chosen.remask is None else chosen.remask
        assert not bool((chosen.commit & given).any())
        assert not bool((remask & (given | step.to_unmask | chosen.commit)).any())
        tokens = step.proposal if chosen.tokens is None else chosen.tokens
        self.canvas = torch.where(chosen.commit, tokens, self.canvas).masked_fill(remask, MASK)
        self.frames.append(Frame(_places(chosen.commit), _places(remask)))
        return not sampler.traits.may_continue or chosen.done is None or bool(chosen.done[0])

    @property
    def commits(self) -> list[list[int]]:
        return [frame.commit for frame in self.frames]

    @property
    def remasks(self) -> list[list[int]]:
        return [frame.remask for frame in self.frames]


def _places(marks: torch.Tensor) -> list[int]:
    return marks[0].nonzero().flatten().tolist()
