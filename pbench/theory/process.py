"""The whole process of unmasking, gone through exactly: every proposal, every choice among ties.

Independent of the closed forms and of the engine, and for any distribution that can be listed. The
model is the ideal one of `pbench.theory.joint`; which positions stand may depend on the proposals.
Feasible for small answers: the states reached are all partial answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import comb

import numpy as np

from pbench.errors import UsageError
from pbench.theory.accuracy import Order
from pbench.theory.joint import Joint

__all__ = ["Fixed", "Policy", "Threshold", "process_accuracy"]

_MOST_STATES = 20_000
_TIED = 1e-9
Levels = dict[float, dict[int, float]]  # confidence -> token -> probability


@dataclass(frozen=True, slots=True)
class Fixed:
    """So many tokens a step, in this order; see `pbench.theory.accuracy`."""

    sizes: tuple[int, ...]
    order: Order

    def choices(self, confidences: Sequence[float], step: int) -> Iterator[tuple[tuple[int, ...], float]]:
        """(places that stand, probability) for one step, over all ways to break ties."""
        size = self.sizes[step]
        ranks = [0.0] * len(confidences) if self.order == "random" else list(confidences)
        cut = sorted(ranks, reverse=True)[size - 1]
        sure = tuple(i for i, rank in enumerate(ranks) if rank > cut + _TIED)
        tied = [i for i, rank in enumerate(ranks) if abs(rank - cut) <= _TIED]
        need = size - len(sure)
        for some in combinations(tied, need):
            yield (*sure, *some), 1 / comb(len(tied), need)


@dataclass(frozen=True, slots=True)
class Threshold:
    """All with a probability of at least gamma, the best one if there is none.

    Gammas that equal a probability are refused: noise decides there (see `threshold_accuracy`).
    """

    gamma: float

    def choices(self, confidences: Sequence[float], step: int) -> Iterator[tuple[tuple[int, ...], float]]:  # noqa: ARG002
        """(places that stand, probability) for one step, over all ways to break ties."""
        if any(abs(confidence - self.gamma) <= _TIED for confidence in confidences):
            raise UsageError(f"gamma = {self.gamma} is a probability that occurs; tie noise decides there")
        sure = tuple(i for i, confidence in enumerate(confidences) if confidence > self.gamma)
        if sure:
            yield sure, 1.0
            return
        best = max(confidences)
        tied = [i for i, confidence in enumerate(confidences) if confidence >= best - _TIED]
        for one in tied:
            yield (one,), 1 / len(tied)


Policy = Fixed | Threshold


def process_accuracy(joint: Joint, policy: Policy, temperature: int) -> float:
    """How often the ideal model ends at a valid answer, 0..1, at temperature 0 or 1.

    UsageError where the process has more than 20,000 states.
    """
    if isinstance(policy, Fixed) and sum(policy.sizes) != joint.positions:
        raise UsageError(f"{sum(policy.sizes)} tokens in all for {joint.positions} positions")
    return _Walk(joint, policy, temperature).right(np.arange(len(joint.answers)), joint.positions, 0)


class _Walk:
    """Probabilities of a right end, by what stands: the answers left, and which positions are masks."""

    def __init__(self, joint: Joint, policy: Policy, temperature: int):
        self.joint = joint
        self.policy = policy
        self.temperature = temperature
        self.known: dict[tuple[bytes, tuple[int, ...]], float] = {}

    def right(self, rows: np.ndarray, masks: int | tuple[int, ...], step: int) -> float:
        """`rows`: the answers that agree with what stands; `masks`: positions left, or how many."""
        left = tuple(range(masks)) if isinstance(masks, int) else masks
        if not left:
            return 1.0
        key = (rows.tobytes(), left)
        if key not in self.known:
            if len(self.known) >= _MOST_STATES:
                raise UsageError(
                    f"more than {_MOST_STATES:,} partial answers to go through; take a smaller n,"
                    " or simulate: pbench theory simulate, pbench theory league"
                )
            self.known[key] = self._expand(rows, left, step)
        return self.known[key]

    def _expand(self, rows: np.ndarray, left: tuple[int, ...], step: int) -> float:
        levels = [self._levels(rows, position) for position in left]
        total = 0.0
        for confidences in product(*levels):
            share = 1.0
            for level, confidence in zip(levels, confidences, strict=True):
                share *= sum(level[confidence].values())
            for places, way in self.policy.choices(confidences, step):
                total += share * way * self._after(rows, left, step, levels, confidences, places)
        return total

    def _levels(self, rows: np.ndarray, position: int) -> Levels:
        """What can be proposed at a position: tokens with their probabilities, by confidence."""
        tokens, inverse = np.unique(self.joint.answers[rows, position], return_inverse=True)
        mass = np.bincount(inverse, weights=self.joint.weights[rows])
        mass = mass / mass.sum()
        best = mass.max()
        levels: Levels = {}
        for token, share in zip(tokens.tolist(), mass.tolist(), strict=True):
            if self.temperature == 1:
                levels.setdefault(round(share, 12), {})[token] = share
            elif share >= best - _TIED:
                levels.setdefault(round(best, 12), {})[token] = 1.0
        if self.temperature == 0:
            (tied,) = levels.values()
            tied.update({token: 1 / len(tied) for token in tied})
        return levels

    def _after(
        self,
        rows: np.ndarray,
        left: tuple[int, ...],
        step: int,
        levels: list[Levels],
        confidences: tuple[float, ...],
        places: tuple[int, ...],
    ) -> float:
        """Probability of a right end once the proposals at `places` stand, given their confidences."""
        written = self.joint.answers[rows][:, [left[place] for place in places]]
        tokens, inverse = np.unique(written, axis=0, return_inverse=True)
        rest = tuple(position for place, position in enumerate(left) if place not in places)
        total = 0.0
        for number, row in enumerate(tokens.tolist()):
            share = 1.0
            for token, place in zip(row, places, strict=True):
                level = levels[place][confidences[place]]
                share *= level.get(token, 0.0) / sum(level.values())
            if share:
                total += share * self.right(rows[inverse.reshape(-1) == number], rest, step + 1)
        return total
