import math

import pytest

from pbench.errors import UsageError
from pbench.theory.bounds import sets_of_joint, table_of_sets
from pbench.theory.tasks import FIXED, TASKS, get_task, joint_of

SMALL = [(task, n) for task in TASKS.values() for n in range(task.least, 7) if task.fixed_n in (None, n)]


@pytest.mark.parametrize(
    ("task", "n"),
    [pair for pair in SMALL if pair[0].fixed_n != 4],
    ids=lambda value: getattr(value, "name", value),
)
def test_closed_entropies_are_those_of_the_listed_answers(task, n):
    """Every set of positions, not only the whole: all bounds are made of these."""
    if task.fixed_n is None:
        assert table_of_sets(task, n) == pytest.approx(sets_of_joint(joint_of(task, n)), abs=1e-9)
    assert len(joint_of(task, n).answers) == task.count(n)
    assert joint_of(task, n).positions == task.positions(n)


def test_answers_are_what_the_task_says():
    assert sorted(map(list, get_task("replace_random").answers(3))) == [[0, 1, 3], [0, 3, 2], [3, 1, 2]]
    assert [*map(list, get_task("insert_random").answers(2))] == [[2, 0, 1], [0, 2, 1], [0, 1, 2]]
    assert [*map(list, get_task("remove_random").answers(3))] == [[1, 2], [0, 2], [0, 1]]
    assert [*map(list, get_task("shuffle_other").answers(2))] == [[1, 0]]
    assert len(FIXED) == 6


def test_latin_squares_are_all_listed():
    assert len(joint_of(get_task("latin_square_n3"), 3).answers) == 12
    assert len(joint_of(get_task("latin_square_n4"), 4).answers) == 576


def test_entropy_of_a_long_shuffle_but_one_is_that_of_a_shuffle():
    other, plain = get_task("shuffle_other"), get_task("shuffle")
    for n, near in ((8, 1e-4), (25, 1e-12), (26, 0)):
        assert other.by_size(n, n) == pytest.approx(plain.by_size(n, n), rel=near, abs=1e-9)


def test_unknown_tasks_list_the_known_ones():
    with pytest.raises(UsageError, match=r"did you mean 'shuffle'.*known: copy, .*sort"):
        get_task("shuffled")


def test_hyphens_do():
    assert get_task("replace-random") is TASKS["replace_random"]


def test_too_many_answers_say_what_is_possible():
    with pytest.raises(UsageError, match=r"has 362,880 answers; enumeration goes to n = 8, the closed forms"):
        joint_of(get_task("shuffle"), 9)
    with pytest.raises(UsageError, match=r"about 10\^64 answers; enumeration goes to n = 8"):
        joint_of(get_task("shuffle_other"), 50)


def test_n_that_a_task_does_not_have():
    with pytest.raises(UsageError, match="latin_square_n3 has n = 3 only"):
        joint_of(get_task("latin_square_n3"), 4)
    with pytest.raises(UsageError, match="remove_random needs n >= 2"):
        get_task("remove_random").check_n(1)


def test_limit_of_replace_random():
    replaced = get_task("replace_random").by_size
    n = 10_000
    correlation = n * replaced(n, 1) - replaced(n, n)
    assert correlation == pytest.approx(math.log2(math.e), abs=1e-3)
