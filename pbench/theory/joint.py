"""A distribution over answers, written out: entropies, total correlation, and what an ideal model does.

Everything here is exact by enumeration: rows are answers, columns are answer positions. Entropies
are in bits. The model meant is the ideal one of the paper (arXiv 2510.04767, section 4): at each
step its distribution at every position is the data's marginal, given what is revealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pbench.errors import UsageError

__all__ = ["Joint", "Partition", "check_partition", "uniform"]

Partition = Sequence[Sequence[int]]
_TIED = 1e-9  # relative: probabilities nearer than this are equal
_ROUNDING = 1e-9  # bits


@dataclass(frozen=True, slots=True)
class Joint:
    """Distinct answers [A, L] (token numbers) with probabilities [A] that add up to 1."""

    answers: np.ndarray
    weights: np.ndarray

    @property
    def positions(self) -> int:
        return self.answers.shape[1]

    def entropy(self, positions: Iterable[int]) -> float:
        """Bits of the tokens at `positions`, all together."""
        groups = self.one_group()
        for position in positions:
            groups = self.refine(groups, position)
        return self.entropy_of_groups(groups)

    def total_correlation(self, positions: Iterable[int] | None = None) -> float:
        """Bits by which the entropies at single positions exceed the joint entropy: C(Y|X)."""
        chosen = list(range(self.positions) if positions is None else positions)
        return sum(self.entropy([position]) for position in chosen) - self.entropy(chosen)

    def bound(self, partition: Partition) -> float:
        """L_T of the partition, bits: the divergence between the data and the ideal model's answers."""
        check_partition(partition, self.positions)
        written = self.answer_probabilities(partition)
        bits = float(np.sum(self.weights * np.log2(self.weights / written)))
        return bits if bits > _ROUNDING else 0.0

    def answer_probabilities(self, partition: Partition, temperature: float = 1.0) -> np.ndarray:
        """[A]: how often an ideal model that unmasks `partition`, step by step, writes each answer.

        At temperature 0 the most probable token stands, one of those that tie at random and
        independently over positions; at T > 0 a token is drawn from the marginal to the power 1/T.
        """
        groups = self.one_group()
        written = np.ones(len(self.answers))
        for step in partition:
            for position in step:
                written *= self._own_token(groups, position, temperature)
            for position in step:
                groups = self.refine(groups, position)
        return written

    def accuracy(self, partition: Partition, temperature: float = 1.0) -> float:
        """How often the ideal model writes a valid answer under this partition, 0..1."""
        check_partition(partition, self.positions)
        found = float(self.answer_probabilities(partition, temperature).sum())
        return found if found < 1 - _TIED else 1.0

    def along(self, partition: Partition, tokens: Sequence[int], temperature: float) -> tuple[float, float]:
        """(bits, slips) of one path: `tokens` [L] are what really stood, written step by step.

        `bits` adds up the total correlation of each step given the tokens before it, `slips` the
        probabilities that an ideal model's proposals of the step leave no right answer. Both end
        with the step after which none is left: over the paths of ideal models the mean of `slips`
        is how often they fail, also where they choose the steps by what stands.
        """
        left, bits, slips = self, 0.0, 0.0
        for step in partition:
            bits += left.total_correlation(step)
            slips += 1 - left._step_share(step, temperature)
            agree = np.all(left.answers[:, list(step)] == [tokens[position] for position in step], axis=1)
            if not agree.any():
                break
            left = Joint(left.answers[agree], left.weights[agree] / left.weights[agree].sum())
        return (bits if bits > _ROUNDING else 0.0), slips

    def _step_share(self, step: Sequence[int], temperature: float) -> float:
        """Probability that proposals for `step`, each drawn by itself, are part of an answer."""
        written = self.answer_probabilities([step], temperature)
        groups = self.one_group()
        for position in step:
            groups = self.refine(groups, position)
        return float(written[np.unique(groups, return_index=True)[1]].sum())

    def one_group(self) -> np.ndarray:
        """Group numbers [A] of answers of which nothing is revealed."""
        return np.zeros(len(self.answers), dtype=np.int64)

    def refine(self, groups: np.ndarray, position: int) -> np.ndarray:
        """Group numbers [A] once the tokens at `position` are told apart, too."""
        column = self.answers[:, position]
        return np.unique(groups * (int(column.max()) + 1) + column, return_inverse=True)[1]

    def entropy_of_groups(self, groups: np.ndarray) -> float:
        """Bits of the group number, for groups [A] as `refine` makes them."""
        mass = np.bincount(groups, weights=self.weights)
        held = mass[mass > 0]
        return float(-np.sum(held * np.log2(held))) + 0.0

    def _own_token(self, groups: np.ndarray, position: int, temperature: float) -> np.ndarray:
        """[A]: probability that the model proposes each answer's own token at `position`."""
        cells = self.refine(groups, position)
        mass = np.bincount(cells, weights=self.weights)
        group_of = np.zeros(len(mass), dtype=np.int64)
        group_of[cells] = groups
        highest = np.zeros(int(groups.max()) + 1)
        np.maximum.at(highest, group_of, mass)
        ratio = mass / highest[group_of]
        scores = (ratio >= 1 - _TIED).astype(float) if temperature == 0 else ratio ** (1 / temperature)
        return (scores / np.bincount(group_of, weights=scores)[group_of])[cells]


def uniform(answers: Iterable[Sequence[int]]) -> Joint:
    """All `answers` equally probable; ValueError if one stands twice or there is none."""
    rows = np.array(list(answers), dtype=np.int64)
    if rows.ndim != 2 or len(np.unique(rows, axis=0)) < len(rows):
        raise ValueError("a joint distribution needs distinct answers of one length")
    return Joint(rows, np.full(len(rows), 1 / len(rows)))


def check_partition(partition: Partition, positions: int) -> None:
    """UsageError unless each of the positions 0.. stands in exactly one step, and no step is empty."""
    flat = sorted(position for step in partition for position in step)
    if flat != list(range(positions)) or not all(len(step) for step in partition):
        raise UsageError(f"a partition names each of the positions 0..{positions - 1} once, in steps of >= 1")
