"""KLASS (arXiv 2511.05664): commit what is confident and has stopped moving.

The state is the log-probabilities of the block's own candidates at the last step, float32: no
vocabulary row is kept for any other position. History starts anew in each block, as in
ParallelBench; the first divergence is known at the second forward pass of a block, so with a
history of 2 the first stable commits come at the third. Where no candidate is ready the best one
is committed (the published quota with as many steps as masks). Divergences are of the distribution
that is sampled from, never of perturbed logits. Checked against divergences written out by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from pbench.config import Strict
from pbench.interfaces import BlockPlan, Selection, Step
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import best
from pbench.samplers.tables import by_row

__all__ = ["Klass", "KlassOptions", "divergence"]

FLOOR = -27.631021  # ln(1e-12), the published epsilon: a token that was impossible costs this and no more


def divergence(log_probs: Tensor, previous: Tensor) -> Tensor:
    """KL(p || previous) in nats, float32 [N], of log-probabilities [N, V] each."""
    return by_row(_divergence, log_probs, previous)


def _divergence(log_probs: Tensor, previous: Tensor) -> Tensor:
    moved = log_probs.clamp_min(FLOOR).sub_(previous.clamp_min(FLOOR))
    return moved.mul_(log_probs.exp()).sum(1)


@dataclass(slots=True)
class Memory:
    """One row's block: positions and log-probabilities of the last step, calm steps in a row [W].

    `log_probs` are rows of what all rows of that step share: no copy.
    """

    places: list[int]
    log_probs: Tensor | None
    calm: list[int]


class KlassOptions(Strict):
    gamma: float = Field(ge=0, le=2, description="ready: confidence > gamma")
    kl_threshold: float = Field(0.01, gt=0, le=100, description="and KL to the previous step below this")
    kl_history: int = Field(2, ge=1, le=64, description="at this many steps in a row")


@SAMPLERS.add("klass")
class Klass(Policy):
    """All candidates with confidence > gamma whose distribution moved by less than the KL threshold
    from step to step, at each of the last `kl-history` steps. The best candidate where none is ready.
    """

    name = "klass"
    Options = KlassOptions
    options: KlassOptions

    def plan_block(self, block: BlockPlan) -> Memory:
        return Memory([], None, [0] * block.length)

    def select(self, step: Step) -> Selection:
        for row, state in enumerate(step.states):
            self._remember(state, *_own(step, row))
        calm = torch.tensor([state.calm for state in step.states], device=step.to_unmask.device)
        ready = (step.confidence > self.options.gamma) & (calm >= self.options.kl_history) & step.to_unmask
        fallback = best(step.confidence, step.to_unmask)
        return Selection(torch.where(ready.any(1, keepdim=True), ready, fallback))

    def _remember(self, memory: Memory, places: list[int], log_probs: Tensor) -> None:
        """Count the calm steps of each candidate and keep its log-probabilities for the next step."""
        moved: dict[int, float] = {}
        if memory.log_probs is not None:  # what is a candidate now was one before
            known = {place: at for at, place in enumerate(memory.places)}
            then = _rows(memory.log_probs, [known[place] for place in places])
            moved = dict(zip(places, divergence(log_probs, then).tolist(), strict=True))
        quiet = self.options.kl_threshold
        memory.calm = [
            calm + 1 if moved.get(place, torch.inf) < quiet else 0 for place, calm in enumerate(memory.calm)
        ]
        memory.places, memory.log_probs = places, log_probs


def _own(step: Step, row: int) -> tuple[list[int], Tensor]:
    """Block positions of one row's candidates, and its rows of log_probs (a view, no copy)."""
    rows = step.index[:, 0]
    first, last = torch.searchsorted(rows, torch.tensor([row, row + 1], device=rows.device)).tolist()
    return step.index[first:last, 1].tolist(), step.log_probs[first:last]


def _rows(table: Tensor, rows: list[int]) -> Tensor:
    """These rows of `table` [N, V]; the table itself where it is all of them."""
    return table if rows == list(range(len(table))) else table[rows]
