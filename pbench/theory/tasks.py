"""The tasks of the theory: what is random in their answers, in closed form and by enumeration.

`n` counts the items of the input list; items are all different, one token each. The paper (arXiv
2510.04767, section 4) treats copy, replace_index, replace_random and shuffle; the entropies of the
others are ours. All entropies in bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, permutations

from pbench.errors import UsageError, unknown_name
from pbench.puzzles import latin_squares
from pbench.theory.joint import Joint, uniform

__all__ = ["FIXED", "TASKS", "TheoryTask", "get_task", "joint_of"]

_MOST_ANSWERS = 50_000
Rows = Iterable[Sequence[int]]


@dataclass(frozen=True, slots=True)
class TheoryTask:
    """One task for any n.

    `by_size(n, m)` is the entropy of any m positions where all positions are alike, `by_set(n,
    positions)` that of the sorted positions elsewhere; both None where only enumeration helps.
    `answers(n)` lists the valid answers, `count(n)` says how many there are. `fixed_n`: the only n.
    """

    name: str
    what: str
    positions: Callable[[int], int]
    answers: Callable[[int], Rows]
    count: Callable[[int], int]
    by_size: Callable[[int, int], float] | None = None
    by_set: Callable[[int, Sequence[int]], float] | None = None
    least: int = 1
    fixed_n: int | None = None

    def check_n(self, n: int) -> None:
        """UsageError for an n that the task does not have."""
        if self.fixed_n not in (None, n):
            raise UsageError(f"{self.name} has n = {self.fixed_n} only, not {n}; leave out --n")
        if n < self.least:
            raise UsageError(f"{self.name} needs n >= {self.least}, not {n}")

    def most_enumerable(self) -> int | None:
        """The largest n whose answers can be listed; None if there is no such limit below 1,000."""
        if self.fixed_n is not None:
            return self.fixed_n
        return next((n - 1 for n in range(self.least, 1_000) if self.count(n) > _MOST_ANSWERS), None)


def get_task(name: str) -> TheoryTask:
    """The task of that name (hyphens do for underscores); UsageError lists the known ones."""
    try:
        return TASKS[name.replace("-", "_")]
    except KeyError:
        raise unknown_name("task", name, TASKS) from None


def joint_of(task: TheoryTask, n: int) -> Joint:
    """The uniform distribution over the task's answers; UsageError where they are too many to list."""
    task.check_n(n)
    most = task.most_enumerable()
    if most is not None and n > most:
        raise UsageError(
            f"{task.name} with n = {n} has {_size(task, n)} answers; enumeration goes to n = {most}"
            f"{'' if task.by_size is None else ', the closed forms to any n'}"
        )
    return uniform(task.answers(n))


def _size(task: TheoryTask, n: int) -> str:
    return f"{task.count(n):,}" if n < 20 else f"about 10^{math.lgamma(n + 1) / math.log(10):.0f}"


def _same(n: int) -> int:
    return n


def _one(_n: int) -> int:
    return 1


def _no_bits(_n: int, _m: int) -> float:
    return 0.0


def _item_list(n: int) -> Rows:
    return [range(n)]


def _replacements(n: int) -> Rows:
    return [[n if position == place else position for position in range(n)] for place in range(n)]


def _insertions(n: int) -> Rows:
    return [[*range(place), n, *range(place, n)] for place in range(n + 1)]


def _removals(n: int) -> Rows:
    return [[*range(place), *range(place + 1, n)] for place in range(n)]


def _other_orders(n: int) -> Rows:
    return islice(permutations(range(n)), 1, None)


def _squares(size: int) -> Callable[[int], Rows]:
    return lambda _n: [[cell for row in square for cell in row] for square in latin_squares(size)]


def _classes(sizes: Iterable[int], total: int) -> float:
    """Bits of a uniform choice among `total`, of which only the class is seen."""
    return sum(size / total * math.log2(total / size) for size in sizes if size) + 0.0


def _replaced(n: int, m: int) -> float:
    """The new word stands at one of the m positions, or at none of them."""
    return _classes([1] * m + [n - m], n)


def _inserted(n: int, positions: Sequence[int]) -> float:
    """A position shows the word, the item before it or the item after it: it splits the places."""
    edges = [-1, *positions, n + 1]
    gaps = [after - before - 1 for before, after in pairwise(edges)]
    return _classes([*gaps, *(1 for _ in positions)], n + 1)


def _removed(n: int, positions: Sequence[int]) -> float:
    """Position j shows item j if the gap is behind it, else item j + 1."""
    edges = [-1, *positions, n - 1]
    return _classes((after - before for before, after in pairwise(edges)), n)


def _shuffled(n: int, m: int) -> float:
    return (math.lgamma(n + 1) - math.lgamma(n - m + 1)) / math.log(2)


def _shuffled_otherwise(n: int, m: int) -> float:
    """The m items are as in the input in (n-m)! - 1 of the n! - 1 orders, any other way in (n-m)!."""
    if n > 25:  # 1 / 26! is less than a double can tell from 0
        return _shuffled(n, m)
    total, rest = math.factorial(n) - 1, math.factorial(n - m)
    share = rest / total
    others = (math.perm(n, m) - 1) * share * -math.log2(share)
    same = (rest - 1) / total
    return others - (same * math.log2(same) if same > 0 else 0.0)


def _fixed(name: str, what: str, positions: Callable[[int], int] = _same, least: int = 1) -> TheoryTask:
    """A task whose one answer follows from the question."""
    return TheoryTask(
        name, what, positions, lambda n: _item_list(positions(n)), _one, by_size=_no_bits, least=least
    )


_ALL = (
    _fixed("copy", "the list as it is"),
    _fixed("reverse", "the list backwards"),
    _fixed("sort", "the list in order"),
    _fixed("insert_index", "a new word at a given place", lambda n: n + 1),
    _fixed("remove_index", "without the item at a given place", lambda n: n - 1, least=2),
    _fixed("replace_index", "a new word for the item at a given place"),
    TheoryTask(
        "replace_random", "a new word for one item, any", _same, _replacements, _same, by_size=_replaced
    ),
    TheoryTask("shuffle", "the items in any order", _same, lambda n: permutations(range(n)), math.factorial,
               by_size=_shuffled),
    TheoryTask("shuffle_other", "the items in any order but the given one", _same, _other_orders,
               lambda n: math.factorial(n) - 1, by_size=_shuffled_otherwise, least=2),
    TheoryTask("insert_random", "a new word at any place", lambda n: n + 1, _insertions, lambda n: n + 1,
               by_set=_inserted),
    TheoryTask("remove_random", "without one item, any", lambda n: n - 1, _removals, _same, by_set=_removed,
               least=2),
    TheoryTask("latin_square_n3", "a Latin square of three symbols", lambda _n: 9, _squares(3),
               lambda _n: 12, fixed_n=3),
    TheoryTask("latin_square_n4", "a Latin square of four symbols", lambda _n: 16, _squares(4),
               lambda _n: 576, fixed_n=4),
)  # fmt: skip
TASKS = {task.name: task for task in _ALL}
FIXED = frozenset(task.name for task in _ALL if task.by_size is _no_bits)
