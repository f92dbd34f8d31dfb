import math

import pytest

from pbench.errors import UsageError
from pbench.theory.accuracy import CLOSED, schedule_accuracy, threshold_accuracy
from pbench.theory.bounds import left_to_right, sizes_of
from pbench.theory.process import Fixed, Threshold, process_accuracy
from pbench.theory.tasks import get_task, joint_of

OPEN = ("replace_random", "shuffle")
GAMMAS = (0.15, 0.22, 0.3, 0.45, 0.55, 0.63, 0.7, 0.77, 0.81, 0.95, 1.1)


def test_three_items_as_on_the_poster():
    assert schedule_accuracy("replace_random", [3], "confidence", 1) == pytest.approx(4 / 9)
    for temperature in (0, 1):
        assert schedule_accuracy("shuffle", [3], "confidence", temperature) == pytest.approx(6 / 27)


def test_closed_forms_of_the_paper():
    n = 10
    assert schedule_accuracy("shuffle", [n], "random", 0) == pytest.approx(math.factorial(n) / n**n)
    double = math.prod(range(9, 0, -2)) / math.prod(range(10, 0, -2))
    assert schedule_accuracy("shuffle", sizes_of(n, 2), "random", 0) == pytest.approx(double)
    greedy = [schedule_accuracy("replace_random", sizes_of(n, k), "confidence", 0) for k in (1, 2, 5, 10)]
    assert greedy == [1, 0.5, 0, 0]
    assert schedule_accuracy("replace_random", [n], "random", 1) == pytest.approx(0.9**9)
    assert schedule_accuracy("replace_random", [250], "random", 1) == pytest.approx(1 / math.e, abs=1e-3)


def test_where_the_papers_formulas_stop():
    assert schedule_accuracy("replace_random", sizes_of(10, 3), "confidence", 0) == 1
    assert schedule_accuracy("replace_random", sizes_of(6, 4), "confidence", 0) == 0.5
    drawn = [
        schedule_accuracy("replace_random", sizes_of(10, k), order, 1)
        for k, order in ((2, "random"), (2, "confidence"), (3, "confidence"))
    ]
    assert drawn == pytest.approx([0.812, 0.522, 0.949], abs=5e-4)


@pytest.mark.parametrize("temperature", [0, 1])
@pytest.mark.parametrize("order", ["random", "confidence"])
@pytest.mark.parametrize("task", OPEN)
def test_every_schedule_is_the_process_gone_through(task, order, temperature):
    for n in (1, 2, 3, 4):
        joint = joint_of(get_task(task), n)
        for k in range(1, n + 1):
            exact = process_accuracy(joint, Fixed(sizes_of(n, k), order), temperature)
            assert schedule_accuracy(task, sizes_of(n, k), order, temperature) == pytest.approx(
                exact, abs=1e-9
            )


def test_uneven_schedules_too():
    """LLaDA's steps: the remainder is spread."""
    for task in OPEN:
        joint = joint_of(get_task(task), 5)
        for sizes in ((2, 2, 1), (1, 3, 1), (3, 2), (1, 4)):
            for temperature in (0, 1):
                exact = joint.accuracy(left_to_right(sizes), temperature)
                assert schedule_accuracy(task, sizes, "random", temperature) == pytest.approx(exact, abs=1e-9)
            confident = process_accuracy(joint, Fixed(sizes, "confidence"), 1)
            assert schedule_accuracy(task, sizes, "confidence", 1) == pytest.approx(confident, abs=1e-9)


@pytest.mark.parametrize("temperature", [0, 1])
@pytest.mark.parametrize("task", OPEN)
def test_every_threshold_is_the_process_gone_through(task, temperature):
    for n in (1, 2, 3, 4):
        joint = joint_of(get_task(task), n)
        for gamma in GAMMAS:
            exact = process_accuracy(joint, Threshold(gamma), temperature)
            assert threshold_accuracy(task, n, gamma, temperature) == pytest.approx(exact, abs=1e-9)


def test_a_threshold_exactly_at_the_switch():
    """Tie noise lets each position pass half the time; all of n at once is the only way to fail."""
    assert threshold_accuracy("replace_random", 10, 0.9, 0) == pytest.approx(1 - 2**-10)
    assert threshold_accuracy("replace_random", 10, 0.9 - 1e-6, 0) == 0
    assert threshold_accuracy("replace_random", 10, 0.9 + 1e-6, 0) == 1
    assert threshold_accuracy("replace_random", 3, 2 / 3, 0) == pytest.approx(7 / 8)
    assert threshold_accuracy("replace_random", 2, 0.5, 0) == 0.5
    assert threshold_accuracy("replace_random", 10, 0.9, 1) > 0.999


def test_a_shuffle_exactly_at_one_half_takes_both():
    assert threshold_accuracy("shuffle", 10, 0.5, 0) == 0.5
    assert threshold_accuracy("shuffle", 10, 0.5 + 1e-6, 0) == 1
    # Drawn: both pass or none 1/4 each, one alone 1/2; only both at once can collide.
    assert threshold_accuracy("shuffle", 10, 0.5, 1) == pytest.approx(0.25 * 0.5 + 0.75)
    assert threshold_accuracy("shuffle", 10, 0.4, 0) == 0.5
    assert threshold_accuracy("shuffle", 10, 0.3, 0) == pytest.approx(6 / 27)
    assert threshold_accuracy("shuffle", 10, 0.0, 0) == pytest.approx(math.factorial(10) / 10**10)


def test_drawn_tokens_exactly_at_a_confidence():
    """A proposal at gamma passes half the time, the best one if none does."""
    assert threshold_accuracy("shuffle", 4, 1.0, 1) == 1  # until one is left, which is certain
    # Two masks, four draws: one word 1/2, right. None or two words 1/4 each: wrong if both pass, 1/4.
    assert threshold_accuracy("replace_random", 2, 0.5, 1) == pytest.approx(1 / 2 + 2 / 4 * 3 / 4)
    # Three masks, items pass: no word 8/27 wrong, one 12/27 right. Two, 6/27: wrong if both pass, 1/4;
    # if none does, 1/4, they are drawn again. Three, 1/27: wrong unless one or none passes, 1/2.
    three = 12 / 27 + 6 / 27 * (1 / 2 + 1 / 4 * 1 / 2) + 1 / 27 * 1 / 2
    assert threshold_accuracy("replace_random", 3, 1 / 3, 1) == pytest.approx(three)


def test_drawn_tokens_below_the_switch_are_not_zero():
    assert [threshold_accuracy("replace_random", 10, gamma, 1) for gamma in (0.6, 0.7, 0.8)] == pytest.approx(
        [0.630, 0.647, 0.651], abs=5e-4
    )


def test_one_answer_is_always_right():
    assert schedule_accuracy("sort", [7], "random", 1) == 1
    assert threshold_accuracy("insert_index", 7, 0.1, 1) == 1


def test_accuracies_are_shares():
    for n in (2, 9, 33, 256):
        for order in ("random", "confidence"):
            for k in (1, 2, 3):
                assert 0 <= schedule_accuracy("replace_random", sizes_of(n, min(k, n)), order, 1) <= 1
        assert 0 <= threshold_accuracy("replace_random", n, 0.77, 1) <= 1


def test_tasks_without_a_closed_form_are_named():
    for function in (
        lambda: schedule_accuracy("insert_random", [2], "random", 0),
        lambda: threshold_accuracy("insert_random", 4, 0.5, 0),
    ):
        with pytest.raises(UsageError, match="insert_random has no closed form"):
            function()
    assert {"copy", "shuffle"} <= set(CLOSED)
