"""What one task costs at one n: L_T of given step sizes, L*_T of the best partitions, and the check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pbench.errors import PbenchError, UsageError
from pbench.theory.accuracy import CLOSED, schedule_accuracy
from pbench.theory.bounds import (
    MOST_POSITIONS,
    Best,
    best_partitions,
    best_sizes,
    bound_of_sets,
    left_to_right,
    ordered_partitions,
    partition_bound,
    sets_of_joint,
    table_of_sets,
    total_correlation,
)
from pbench.theory.tasks import TheoryTask, joint_of

__all__ = ["MOST_N", "Schedule", "Survey", "check_survey", "survey"]

MOST_N = 256
_EXHAUSTIVE = 6
_LISTED = 12  # positions whose sets are gone through twice
_FEW_STEPS = 8  # of the best partitions of more positions than _LISTED: each further step takes seconds
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Schedule:
    """L_T of step sizes, positions from left to right, and how often an ideal model is right (0..1).

    `greedy` and `drawn` (temperature 0 and 1) are None where answers can neither be listed nor
    counted; `unbiased` = 2^-L_T.
    """

    sizes: tuple[int, ...]
    bits: float
    greedy: float | None
    drawn: float | None

    @property
    def unbiased(self) -> float:
        return 2.0**-self.bits

    def payload(self) -> dict[str, Any]:
        return {
            "sizes": list(self.sizes),
            "steps": len(self.sizes),
            "bits": self.bits,
            "unbiased": self.unbiased,
            "greedy": self.greedy,
            "drawn": self.drawn,
        }


@dataclass(frozen=True, slots=True)
class Survey:
    """One task: C(Y|X), the schedules asked for, and the best partitions until one costs nothing.

    `alike`: all positions are alike, so that sizes say everything. `why` is said where `best` is empty.
    """

    task: str
    n: int
    positions: int
    alike: bool
    total_correlation: float
    schedules: tuple[Schedule, ...]
    best: tuple[Best, ...]
    why: str | None

    def payload(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "n": self.n,
            "positions": self.positions,
            "total_correlation": self.total_correlation,
            "schedules": [schedule.payload() for schedule in self.schedules],
            "best": [
                {"steps": len(one.partition), "bits": one.bits, "sizes": list(one.sizes)}
                | ({} if self.alike else {"partition": [list(step) for step in one.partition]})
                for one in self.best
            ],
            "why": self.why,
        }


def survey(task: TheoryTask, n: int, schedules: Sequence[Sequence[int]]) -> Survey:
    """Bound `schedules` (step sizes, each adding up to the task's positions) and find the best ones."""
    task.check_n(n)
    if n > MOST_N:
        raise UsageError(f"--n {n}: bounds are computed for n up to {MOST_N}")
    best, why = _best(task, n)
    return Survey(
        task.name,
        n,
        task.positions(n),
        task.by_size is not None,
        total_correlation(task, n),
        tuple(_schedule(task, n, tuple(sizes)) for sizes in schedules),
        best,
        why,
    )


def _schedule(task: TheoryTask, n: int, sizes: tuple[int, ...]) -> Schedule:
    if sum(sizes) != task.positions(n) or min(sizes, default=0) < 1:
        raise UsageError(
            f"step sizes {'+'.join(map(str, sizes))} add up to {sum(sizes)}:"
            f" the answer of {task.name} with n = {n} has {task.positions(n)} positions"
        )
    partition = left_to_right(sizes)
    bits = partition_bound(task, n, partition)
    if task.name in CLOSED:
        greedy, drawn = (schedule_accuracy(task.name, sizes, "random", t) for t in (0, 1))
        return Schedule(sizes, bits, greedy, drawn)
    try:
        joint = joint_of(task, n)
    except UsageError:
        return Schedule(sizes, bits, None, None)
    return Schedule(sizes, bits, joint.accuracy(partition, 0), joint.accuracy(partition, 1))


def _best(task: TheoryTask, n: int) -> tuple[tuple[Best, ...], str | None]:
    """Best partitions for T = 1.. up to the first that costs nothing, or why there are none."""
    positions = task.positions(n)
    if task.by_size is not None:
        found = best_sizes([task.by_size(n, m) for m in range(positions + 1)])
    elif positions > MOST_POSITIONS:
        return (), f"the best partition is searched for up to {MOST_POSITIONS} positions, not {positions}"
    else:
        found = best_partitions(table_of_sets(task, n), _FEW_STEPS if positions > _LISTED else None)
    free = next((place for place, one in enumerate(found) if one.bits == 0), len(found) - 1)
    return tuple(found[: free + 1]), None


def check_survey(found: Survey, task: TheoryTask) -> dict[str, Any]:
    """The same by enumeration: largest difference in bits, and what was gone through.

    Every L_T from the listed answers; every L*_T from all ordered partitions, up to 6 positions.
    UsageError where the answers are too many to list; PbenchError if anything differs.
    """
    joint = joint_of(task, found.n)
    pairs = [(found.total_correlation, joint.total_correlation())]
    pairs += [(one.bits, joint.bound(left_to_right(one.sizes))) for one in found.schedules]
    pairs += [(one.bits, joint.bound(one.partition)) for one in found.best]
    tried = 0
    if found.positions <= _LISTED:
        table = sets_of_joint(joint)
        again = best_partitions(table, len(found.best))
        pairs += [(one.bits, other.bits) for one, other in zip(found.best, again, strict=True)]
        for one in found.best if found.positions <= _EXHAUSTIVE else ():
            splits = ordered_partitions(found.positions, len(one.partition))
            bounds = [bound_of_sets(table, split) for split in splits]
            tried += len(bounds)
            pairs.append((one.bits, min(bounds)))
    largest = max(abs(one - other) for one, other in pairs)
    if largest > _SAME:
        raise PbenchError(f"a bug: {found.task}: closed form and enumeration differ by {largest:.3g} bits")
    return {"answers": len(joint.answers), "compared": len(pairs), "partitions": tried, "largest": largest}
