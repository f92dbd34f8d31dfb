"""How often an ideal model is right: closed forms for any schedule, by task, order and temperature.

Source: ParallelBench (arXiv 2510.04767), section 4 and appendix A; where the paper is silent or asks
that k divides n the recursions are ours, and docs/theory.md says which. `sizes` are tokens a step.
Orders: `random` is any order that does not look at the proposals; `confidence` takes the most
probable proposals first. Ties are broken at random, independently for each position.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

from pbench.errors import UsageError
from pbench.theory.tasks import FIXED, get_task

__all__ = ["CLOSED", "Order", "schedule_accuracy", "threshold_accuracy"]

Order = Literal["random", "confidence"]
CLOSED = (*sorted(FIXED), "replace_random", "shuffle")
_EXACTLY = 1e-9  # gammas nearer than this to a confidence are at it


def schedule_accuracy(task: str, sizes: Sequence[int], order: Order, temperature: int) -> float:
    """Accuracy (0..1) of an ideal model that unmasks `sizes` tokens a step, at temperature 0 or 1.

    UsageError for a task without a closed form; `pbench.theory.process` goes through those.
    """
    name = _closed(task)
    if name in FIXED:
        return 1.0
    steps = tuple(sizes)
    if name == "shuffle":
        return _shuffle(steps)
    if temperature == 0:
        return _replace_greedy(steps)
    found = (_replace_drawn if order == "random" else _replace_confident)(steps)
    return min(found, 1.0)  # sums of binomials round up


def threshold_accuracy(task: str, n: int, gamma: float, temperature: int) -> float:
    """Accuracy (0..1) where all proposals with a probability >= gamma stand, the best one if none.

    Exactly at a confidence that occurs, tie noise decides (see `_passes`). UsageError for a task
    without a closed form.
    """
    name = _closed(task)
    get_task(name).check_n(n)
    if name in FIXED:
        return 1.0
    if name == "shuffle":
        return _shuffle_threshold(n, gamma, temperature)
    found = (_replace_threshold_greedy if temperature == 0 else _replace_threshold_drawn)(n, gamma)
    return min(found, 1.0)


def _closed(task: str) -> str:
    name = get_task(task).name
    if name not in CLOSED:
        raise UsageError(
            f"{name} has no closed form of its accuracy; known: {', '.join(CLOSED)}."
            " `pbench theory bounds` enumerates it, `pbench theory league` decodes it"
        )
    return name


def _shuffle(sizes: tuple[int, ...]) -> float:
    """prod P(m, s) / m^s over the steps, m items left; the remainder is the last factor."""
    left, found = sum(sizes), 1.0
    for size in sizes:
        found *= math.perm(left, size) / left**size
        left -= size
    return found


def _replace_greedy(sizes: tuple[int, ...]) -> float:
    """Only the last step counts: with more than two left every proposal is the item of the input."""
    return {1: 1.0, 2: 0.5}.get(sizes[-1], 0.0)


def _replace_drawn(sizes: tuple[int, ...]) -> float:
    """A(m) = s/m (1 - 1/m)^(s-1) + (1 - 1/m)^s A(m - s): the word is drawn once now, or later."""
    if not sizes:
        return 0.0
    left, size = sum(sizes), sizes[0]
    stay = 1 - 1 / left
    return size / left * stay ** (size - 1) + stay**size * _replace_drawn(sizes[1:])


def _replace_confident(sizes: tuple[int, ...]) -> float:
    """X ~ Binomial(m, 1/m) proposals are the word, and they come last.

    A(m) = P(X <= m - s) A(m - s) + P(X = m - s + 1); in the last step exactly one may be the word.
    """
    left, size = sum(sizes), sizes[0]
    if len(sizes) == 1:
        return _binomial(left, 1 / left, 1)
    enough = sum(_binomial(left, 1 / left, words) for words in range(left - size + 1))
    return enough * _replace_confident(sizes[1:]) + _binomial(left, 1 / left, left - size + 1)


def _binomial(trials: int, share: float, hits: int) -> float:
    return math.comb(trials, hits) * share**hits * (1 - share) ** (trials - hits)


def _compare(confidence: float, gamma: float) -> int:
    """-1 below gamma, 0 exactly there, 1 above."""
    if abs(confidence - gamma) <= _EXACTLY:
        return 0
    return 1 if confidence > gamma else -1


def _passes(confidence: float, gamma: float) -> float:
    """How often a proposal of this confidence passes: half the time exactly at gamma.

    There the noise that breaks ties decides, and it is as often positive as negative. (An argmax
    over tied tokens is another matter: its noise is the largest, so it always passes.)
    """
    return (0.0, 0.5, 1.0)[_compare(confidence, gamma) + 1]


def _shuffle_threshold(n: int, gamma: float, temperature: int) -> float:
    """One by one until 1/m reaches gamma, then all m at once: m! / m^m.

    A greedy proposal passes exactly at gamma = 1/m, too: it is the argmax of m tied tokens.
    """
    left = next((m for m in range(n, 0, -1) if _compare(1 / m, gamma) >= 0), 1)
    if temperature == 0 or _compare(1 / left, gamma) > 0:
        return _shuffle((left,))
    halves = (_binomial(left, 0.5, passed) for passed in range(left + 1))
    ways = [_shuffle((left,)), *(_shuffle((now, left - now)) for now in range(1, left)), _shuffle((left,))]
    ways[0] = _shuffle((1, left - 1)) if left > 1 else 1.0  # none passed: the best one stands
    return sum(share * way for share, way in zip(halves, ways, strict=True))


def _replace_threshold_greedy(n: int, gamma: float) -> float:
    """All at once below gamma = (n-1)/n, one by one above; exactly there tie noise splits them."""
    if n <= 2:  # two tied tokens: the argmax has at least 1/2
        return 1.0 if n == 1 or _compare(1 / n, gamma) < 0 else 0.5
    below = _compare((n - 1) / n, gamma)
    if below == 0:
        return 1 - 0.5**n  # unless all pass, the rest goes one by one
    return 0.0 if below > 0 else 1.0


def _replace_threshold_drawn(n: int, gamma: float) -> float:
    """By the number of masks left of which each is the word's place with 1/m: A(m) for m = n.

    A proposal is the word (probability 1/m) or the item; once a word stands, the rest is certain.
    """

    @cache
    def right(m: int) -> float:
        if m <= 1:
            return float(m)
        item, word = (m - 1) / m, 1 / m
        words = _passes(word, gamma)
        items = _passes(item, gamma)
        no_item, no_word = item * (1 - items), word * (1 - words)
        idle = (no_item + no_word) ** m
        # Exactly one word passes; what is not committed with it is certain afterwards.
        found = m * word * words * (1 - word * words) ** (m - 1)
        for items_now in range(1, m + 1):
            ways = math.comb(m, items_now) * (item * items) ** items_now
            found += ways * (no_item + no_word) ** (m - items_now) * right(m - items_now)
        only_words = no_word**m
        return found + only_words + (idle - only_words) * _best_of(m, right)

    return right(n)


def _best_of(m: int, right: Callable[[int], float]) -> float:
    """None passed and at least one proposal is an item: it stands (with two masks, either one)."""
    return 1.0 if m == 2 else right(m - 1)
