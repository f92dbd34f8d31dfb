import pytest

from pbench.errors import UsageError
from pbench.theory import process
from pbench.theory.bounds import left_to_right, sizes_of
from pbench.theory.process import Fixed, Threshold, process_accuracy
from pbench.theory.tasks import get_task, joint_of


def accuracy(task, n, k, temperature=0, order="confidence"):
    joint = joint_of(get_task(task), n)
    return process_accuracy(joint, Fixed(sizes_of(joint.positions, k), order), temperature)


def test_greedy_accuracy_is_not_monotone_in_k():
    """An insertion at any of 11 places, most confident first."""
    found = [accuracy("insert_random", 10, k) for k in (2, 4, 10, 11)]
    assert found == pytest.approx([1, 1 / 3, 1, 0])


def test_a_greedy_removal_never_fails():
    assert [accuracy("remove_random", 10, k) for k in range(1, 10)] == pytest.approx([1] * 9)


def test_shuffle_other_at_three():
    assert accuracy("shuffle_other", 3, 2, order="random") == pytest.approx(3 / 4)
    assert accuracy("shuffle", 3, 2, order="random") == pytest.approx(2 / 3)


@pytest.mark.parametrize("temperature", [0, 1])
def test_random_order_is_the_mean_over_partitions(temperature):
    joint = joint_of(get_task("insert_random"), 3)
    partitions = [[[a, b], [c for c in range(4) if c not in (a, b)]] for a in range(4) for b in range(a)]
    mean = sum(joint.accuracy(partition, temperature) for partition in partitions) / len(partitions)
    assert process_accuracy(joint, Fixed((2, 2), "random"), temperature) == pytest.approx(mean)


def test_one_step_needs_no_order():
    joint = joint_of(get_task("latin_square_n3"), 3)
    assert process_accuracy(joint, Fixed((9,), "random"), 0) == pytest.approx(
        joint.accuracy(left_to_right((9,)), 0)
    )


def test_a_threshold_that_is_met_exactly_is_refused():
    with pytest.raises(UsageError, match="tie noise decides"):
        process_accuracy(joint_of(get_task("shuffle"), 3), Threshold(0.5), 0)


def test_too_many_states_are_refused(monkeypatch):
    monkeypatch.setattr(process, "_MOST_STATES", 50)
    with pytest.raises(UsageError, match="more than 50 partial answers"):
        accuracy("shuffle", 4, 1, order="random")


def test_sizes_must_fit():
    with pytest.raises(UsageError, match="4 tokens in all for 3 positions"):
        process_accuracy(joint_of(get_task("shuffle"), 3), Fixed((2, 2), "random"), 0)
