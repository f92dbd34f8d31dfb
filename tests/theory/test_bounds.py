import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbench.errors import UsageError
from pbench.theory.bounds import (
    best_partitions,
    best_sizes,
    bound_of_sets,
    left_to_right,
    ordered_partitions,
    partition_bound,
    sets_of_joint,
    sizes_of,
    table_of_sets,
    total_correlation,
)
from pbench.theory.joint import Joint
from pbench.theory.tasks import TASKS, get_task, joint_of

EXHAUSTIVE = [
    (name, n)
    for name, n in (
        *((name, n) for name in ("replace_random", "shuffle", "shuffle_other") for n in (2, 3, 4, 5, 6)),
        ("insert_random", 3),
        ("insert_random", 5),
        ("remove_random", 4),
        ("remove_random", 7),
    )
]


def entropies_by_size(task, n):
    return [task.by_size(n, m) for m in range(task.positions(n) + 1)]


def test_closed_forms_of_the_paper():
    for n in (2, 3, 10, 100):
        assert total_correlation(get_task("copy"), n) == 0
        assert total_correlation(get_task("replace_index"), n) == 0
        assert total_correlation(get_task("replace_random"), n) == pytest.approx(
            (n - 1) * (math.log2(n) - math.log2(n - 1)), abs=1e-9
        )
        assert total_correlation(get_task("shuffle"), n) == pytest.approx(
            n * math.log2(n) - math.log2(math.factorial(n)), abs=1e-9
        )


def test_shuffle_two_a_step():
    """log2(n!!/(n-1)!!) for even n."""
    for n in (2, 6, 10):
        double = math.prod(range(n, 0, -2)) / math.prod(range(n - 1, 0, -2))
        bound = partition_bound(get_task("shuffle"), n, left_to_right(sizes_of(n, 2)))
        assert bound == pytest.approx(math.log2(double), abs=1e-9)


@pytest.mark.parametrize(("name", "n"), EXHAUSTIVE)
def test_theorem_2_and_the_search_by_going_through_all_partitions(name, n):
    """L*_T never rises with T, starts at C(Y|X), ends at 0, and dynamic programming finds it."""
    task = get_task(name)
    joint = joint_of(task, n)
    table = sets_of_joint(joint)
    least = [
        min(bound_of_sets(table, partition) for partition in ordered_partitions(joint.positions, steps))
        for steps in range(1, joint.positions + 1)
    ]
    assert least[0] == pytest.approx(joint.total_correlation(), abs=1e-9)
    assert least[-1] == 0
    assert all(after <= before + 1e-9 for before, after in pairwise(least))
    found = best_partitions(table_of_sets(task, n))
    assert [one.bits for one in found] == pytest.approx(least, abs=1e-9)
    for one in found:
        assert joint.bound(one.partition) == pytest.approx(one.bits, abs=1e-9)
    if task.by_size:
        alike = best_sizes(entropies_by_size(task, n))
        assert [one.bits for one in alike] == pytest.approx(least, abs=1e-9)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_theorem_2_for_any_distribution(seed):
    rng = np.random.default_rng(seed)
    answers = np.unique(rng.integers(0, 3, (8, 4)), axis=0)
    joint = Joint(answers, rng.dirichlet(np.ones(len(answers))))
    found = best_partitions(sets_of_joint(joint))
    bits = [one.bits for one in found]
    assert bits == pytest.approx(
        [min(joint.bound(split) for split in ordered_partitions(4, steps)) for steps in (1, 2, 3, 4)],
        abs=1e-9,
    )
    assert all(after <= before + 1e-9 for before, after in pairwise(bits))


@pytest.mark.parametrize("n", [1, 2, 7, 16, 40])
def test_best_sizes_of_a_shuffle_fall(n):
    """Few items left are cheap to unmask apart, so that the large steps come first."""
    for steps, one in enumerate(best_sizes(entropies_by_size(get_task("shuffle"), n)), 1):
        assert len(one.sizes) == steps
        assert sum(one.sizes) == n
        assert list(one.sizes) == sorted(one.sizes, reverse=True)
        bound = partition_bound(get_task("shuffle"), n, one.partition)
        assert bound == pytest.approx(one.bits, abs=1e-9)


@pytest.mark.parametrize("name", sorted(set(TASKS) - {"latin_square_n4"}))
def test_bound_of_any_partition_is_that_of_the_listed_answers(name):
    task = get_task(name)
    n = task.fixed_n or 5
    joint = joint_of(task, n)
    order = np.random.default_rng(1).permutation(joint.positions).tolist()
    partition = [order[:2], order[2:3], order[3:]]
    assert partition_bound(task, n, partition) == pytest.approx(joint.bound(partition), abs=1e-9)


def test_tasks_beyond_the_paper():
    """An insertion at any place, or a 3x3 Latin square, need three steps and no more."""
    for name, n, positions in (("insert_random", 5, 6), ("latin_square_n3", 3, 9)):
        bits = [one.bits for one in best_partitions(table_of_sets(get_task(name), n))]
        assert len(bits) == positions
        assert bits[1] > 0.1
        assert bits[2] == 0
    assert total_correlation(get_task("latin_square_n4"), 4) == pytest.approx(16 * 2 - math.log2(576))
    assert total_correlation(get_task("remove_random"), 3) == pytest.approx(
        2 * (math.log2(3) - 2 / 3) - math.log2(3)
    )


def test_a_part_of_the_steps_is_enough_to_ask_for():
    found = best_partitions(table_of_sets(get_task("insert_random"), 6), most_steps=2)
    assert [len(one.partition) for one in found] == [1, 2]


def test_sizes():
    assert sizes_of(10, 3) == (3, 3, 3, 1)
    assert sizes_of(10, 10) == (10,)
    for k in (0, 11):
        with pytest.raises(UsageError, match="k is 1 to 10"):
            sizes_of(10, k)


def test_how_many_ordered_partitions_there_are():
    """Fubini numbers."""
    for positions, count in ((1, 1), (3, 13), (5, 541)):
        found = [p for steps in range(1, positions + 1) for p in ordered_partitions(positions, steps)]
        assert len(set(found)) == count
    with pytest.raises(UsageError, match="dynamic programming finds the same up to 16"):
        next(ordered_partitions(8, 2))


def test_too_many_positions_for_the_search():
    with pytest.raises(UsageError, match="up to 16 of them, not 21"):
        table_of_sets(get_task("insert_random"), 20)
