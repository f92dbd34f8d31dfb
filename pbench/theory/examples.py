"""The poster's travel city: a first example of what one parallel step costs.

Two tokens for one city, each of four equally probable (ParallelBench's poster). Unmasked together,
each token is drawn from its own marginal, and cities come out that there are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

from pbench.theory.bounds import best_partitions, sets_of_joint
from pbench.theory.joint import Joint, uniform

__all__ = ["EXAMPLES", "Example", "Mixture"]

_CITIES = (("New", "York"), ("New", "Orleans"), ("Mexico", "City"), ("Panama", "City"))


@dataclass(frozen=True, slots=True)
class Mixture:
    """One way in which two tokens drawn apart can end: its probability, and whether it is an answer."""

    words: tuple[str, ...]
    probability: float
    valid: bool


@dataclass(frozen=True, slots=True)
class Example:
    """Answers in words, all equally probable."""

    name: str
    what: str
    answers: tuple[tuple[str, ...], ...]

    @property
    def joint(self) -> Joint:
        return uniform([[self._words.index(word) for word in answer] for answer in self.answers])

    @property
    def _words(self) -> list[str]:
        return sorted({word for answer in self.answers for word in answer})

    def marginals(self) -> list[dict[str, float]]:
        """Word -> probability, for each position, in the order of the answers."""
        share = 1 / len(self.answers)
        found: list[dict[str, float]] = [{} for _ in self.answers[0]]
        for answer in self.answers:
            for words, word in zip(found, answer, strict=True):
                words[word] = words.get(word, 0.0) + share
        return found

    def mixtures(self) -> list[Mixture]:
        """What one step writes, the most probable first."""
        found = [
            Mixture(words, math.prod(marginal[word] for marginal, word in zip(parts, words, strict=True)),
                    words in self.answers)
            for parts in [self.marginals()]
            for words in product(*parts)
        ]  # fmt: skip
        return sorted(found, key=lambda mixture: (-mixture.probability, not mixture.valid))

    @property
    def total_correlation(self) -> float:
        return self.joint.total_correlation()

    @property
    def one_step_accuracy(self) -> float:
        """At temperature 1."""
        return self.joint.accuracy([range(self.joint.positions)])

    def best_bits(self) -> list[float]:
        """L*_T for T = 1.."""
        return [best.bits for best in best_partitions(sets_of_joint(self.joint))]


EXAMPLES = {"city": Example("city", "a city to travel to, in two tokens", _CITIES)}
