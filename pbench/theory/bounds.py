"""L_T of a partition, and L*_T, that of the best partition into T steps, by dynamic programming.

T steps over S_1..S_T cost sum_t C(S_t | X, S_<t) bits of divergence at least (ParallelBench, arXiv
2510.04767, section 4; T = 1: Huang et al., ICML 2022). Written with entropies h of sets of
positions: sum_t sum_{j in S_t} [h(S_<t + j) - h(S_<t)] - h(all). So h is all that the search needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from pbench.errors import UsageError
from pbench.theory.joint import Joint, Partition, check_partition
from pbench.theory.tasks import TheoryTask, joint_of

__all__ = [
    "MOST_POSITIONS",
    "Best",
    "best_partitions",
    "best_sizes",
    "bound_of_sets",
    "left_to_right",
    "ordered_partitions",
    "partition_bound",
    "sets_of_joint",
    "sizes_of",
    "table_of_sets",
    "total_correlation",
]

MOST_POSITIONS = 16  # 2^16 sets, 3^16 pairs of them
_ROUNDING = 1e-9
_EXHAUSTIVE = 7  # 47,293 ordered partitions


@dataclass(frozen=True, slots=True)
class Best:
    """A partition into `len(partition)` steps that no other of as many steps beats, and its L_T."""

    bits: float
    partition: tuple[tuple[int, ...], ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(map(len, self.partition))


def sizes_of(positions: int, k: int) -> tuple[int, ...]:
    """Exactly k a step, the remainder last; UsageError unless 1 <= k <= positions."""
    if not 1 <= k <= positions:
        raise UsageError(f"k = {k}: the answer has {positions} positions, so k is 1 to {positions}")
    full, rest = divmod(positions, k)
    return (k,) * full + ((rest,) if rest else ())


def left_to_right(sizes: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The partition that unmasks so many positions a step, the leftmost first."""
    ends = np.cumsum([0, *sizes]).tolist()
    return tuple(tuple(range(start, end)) for start, end in pairwise(ends))


def total_correlation(task: TheoryTask, n: int) -> float:
    """C(Y|X) of the task in bits, by its closed form where it has one."""
    return partition_bound(task, n, [range(task.positions(n))])


def partition_bound(task: TheoryTask, n: int, partition: Partition) -> float:
    """L_T of `partition` in bits, by the closed form of the task's entropies or by enumeration."""
    task.check_n(n)
    check_partition(partition, task.positions(n))
    if task.by_size is None and task.by_set is None:
        return joint_of(task, n).bound(partition)
    bits, before = 0.0, tuple[int, ...]()
    for step in partition:
        known = _entropy(task, n, before)
        bits += sum(_entropy(task, n, (*before, position)) - known for position in step)
        before = (*before, *step)
    return _cut(bits - _entropy(task, n, before))


def best_sizes(entropies: Sequence[float]) -> list[Best]:
    """L*_T for T = 1.. where all positions are alike; `entropies[m]` are the bits of any m of them."""
    positions = len(entropies) - 1
    # cost[m]: bits that each position costs which is unmasked while m are known
    cost = np.diff(np.asarray(entropies, dtype=float))
    best = np.full((positions + 1, positions + 1), np.inf)
    last = np.zeros((positions + 1, positions + 1), dtype=int)
    best[0, 0] = 0.0
    for steps in range(1, positions + 1):
        for known in range(steps, positions + 1):
            before = np.arange(known)
            ways = best[steps - 1, :known] + (known - before) * cost[:known]
            last[steps, known] = np.argmin(ways)
            best[steps, known] = ways[last[steps, known]]
    found = []
    for steps in range(1, positions + 1):
        ends = [positions]
        for left in range(steps, 0, -1):
            ends.append(int(last[left, ends[-1]]))
        sizes = -np.diff(ends)[::-1]
        found.append(Best(_cut(best[steps, positions] - entropies[-1]), left_to_right(sizes.tolist())))
    return found


def best_partitions(entropies: np.ndarray, most_steps: int | None = None) -> list[Best]:
    """L*_T for T = 1.. of any distribution; `entropies[mask]` [2^L] are the bits of a set of positions.

    Bit j of a mask stands for position j. UsageError for more than MOST_POSITIONS positions.
    """
    positions = _check_room(len(entropies).bit_length() - 1)
    steps = min(most_steps or positions, positions)
    bits = 1 << np.arange(positions)
    masks = np.arange(len(entropies))
    gains = entropies[masks[:, None] | bits] - entropies[:, None]
    best = np.full((len(entropies), steps + 1), np.inf)
    best[0, 0] = 0.0
    for known in range(len(entropies) - 1):
        added, costs = _subsets(gains[known], len(entropies) - 1 & ~known)
        reached = known | added
        ways = np.full((len(added), steps + 1), np.inf)
        np.add(best[known, :-1], costs[:, None], out=ways[:, 1:])
        best[reached] = np.minimum(best[reached], ways)
    return [_trace_back(best, gains, count, entropies[-1]) for count in range(1, steps + 1)]


def bound_of_sets(entropies: np.ndarray, partition: Partition) -> float:
    """L_T of `partition` in bits; `entropies[mask]` [2^L] as `best_partitions` takes them."""
    bits, known = 0.0, 0
    for step in partition:
        bits += sum(entropies[known | 1 << position] - entropies[known] for position in step)
        known |= sum(1 << position for position in step)
    return _cut(bits - entropies[known])


def table_of_sets(task: TheoryTask, n: int) -> np.ndarray:
    """Entropies [2^L] of all sets of the task's positions, as `best_partitions` takes them."""
    task.check_n(n)
    positions = _check_room(task.positions(n))
    if task.by_size is None and task.by_set is None:
        return sets_of_joint(joint_of(task, n))
    every = (tuple(j for j in range(positions) if mask >> j & 1) for mask in range(1 << positions))
    return np.array([_entropy(task, n, chosen) for chosen in every])


def sets_of_joint(joint: Joint) -> np.ndarray:
    """Entropies [2^L] of all sets of positions, by enumeration."""
    _check_room(joint.positions)
    found = np.zeros(1 << joint.positions)

    def visit(mask: int, groups: np.ndarray, first: int) -> None:
        found[mask] = joint.entropy_of_groups(groups)
        for position in range(first, joint.positions):
            visit(mask | 1 << position, joint.refine(groups, position), position + 1)

    visit(0, joint.one_group(), 0)
    return found


def ordered_partitions(positions: int, steps: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Every partition of the positions into so many steps, in every order; for up to 7 positions."""
    if positions > _EXHAUSTIVE:
        raise UsageError(
            f"an exhaustive search goes to {_EXHAUSTIVE} positions, not {positions};"
            f" dynamic programming finds the same up to {MOST_POSITIONS}"
        )
    yield from _splits(tuple(range(positions)), steps)


def _splits(rest: tuple[int, ...], steps: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    if steps == 1:
        if rest:
            yield (rest,)
        return
    for size in range(1, len(rest) - steps + 2):
        for first in combinations(rest, size):
            for others in _splits(tuple(j for j in rest if j not in first), steps - 1):
                yield (first, *others)


def _entropy(task: TheoryTask, n: int, positions: Sequence[int]) -> float:
    if task.by_size is not None:
        return task.by_size(n, len(positions))
    assert task.by_set is not None
    return task.by_set(n, sorted(positions))


def _check_room(positions: int) -> int:
    if positions > MOST_POSITIONS:
        raise UsageError(
            f"the best partition is searched among all sets of positions, up to {MOST_POSITIONS} of them,"
            f" not {positions}; L_T of a given partition has no such limit"
        )
    return positions


def _subsets(gains: np.ndarray, free: int) -> tuple[np.ndarray, np.ndarray]:
    """All non-empty sets of the bits of `free`, and the sum of the gains of each."""
    masks, costs = np.zeros(1, dtype=np.int64), np.zeros(1)
    for position, gain in enumerate(gains):
        if free >> position & 1:
            masks = np.concatenate([masks, masks | 1 << position])
            costs = np.concatenate([costs, costs + gain])
    return masks[1:], costs[1:]


def _trace_back(best: np.ndarray, gains: np.ndarray, steps: int, all_bits: float) -> Best:
    """One partition that reaches the minimum of `steps` steps."""
    full = len(best) - 1
    reached, parts = full, []
    masks = np.arange(full + 1)
    for left in range(steps, 0, -1):
        added = reached & ~masks
        member = (added[:, None] >> np.arange(gains.shape[1]) & 1).astype(float)
        ways = np.round(best[:, left - 1] + (member * gains).sum(1), 9)
        ways[(masks | reached) != reached] = np.inf
        ways[reached] = np.inf
        before = int(np.argmin(ways))
        parts.append(tuple(j for j in range(gains.shape[1]) if (reached & ~before) >> j & 1))
        reached = before
    return Best(_cut(best[full, steps] - all_bits), tuple(reversed(parts)))


def _cut(bits: float) -> float:
    """Bits without the rounding errors of their sum: what is below 1e-9 is 0."""
    return float(bits) if bits > _ROUNDING else 0.0
