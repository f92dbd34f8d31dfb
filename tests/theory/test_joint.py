import math

import numpy as np
import pytest

from pbench.errors import UsageError
from pbench.theory.joint import Joint, uniform

XOR = uniform([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]])


def test_entropies_of_xor():
    assert XOR.entropy([]) == 0
    assert XOR.entropy([2]) == pytest.approx(1)
    assert XOR.entropy([0, 2]) == pytest.approx(2)
    assert XOR.total_correlation() == pytest.approx(1)
    assert XOR.total_correlation([0, 1]) == pytest.approx(0)


def test_a_partition_of_xor_costs_its_last_step_alone():
    assert XOR.bound([[0, 1, 2]]) == pytest.approx(1)
    assert XOR.bound([[0, 1], [2]]) == 0
    assert XOR.bound([[0], [1, 2]]) == pytest.approx(1)
    assert XOR.accuracy([[0], [1, 2]]) == pytest.approx(0.5)


def test_the_bound_is_the_sum_of_conditional_total_correlations():
    """L_T written out for weights that are not equal: sum_t E[C(S_t | S_<t)]."""
    joint = Joint(np.array([[0, 0, 0], [0, 1, 0], [1, 0, 1], [1, 1, 0]]), np.array([0.4, 0.3, 0.2, 0.1]))
    first = joint.total_correlation([0, 1])
    given = (
        sum(joint.entropy([0, 1, j]) - joint.entropy([0, 1]) for j in [2])
        - joint.entropy([0, 1, 2])
        + joint.entropy([0, 1])
    )
    assert joint.bound([[0, 1], [2]]) == pytest.approx(first + given)


def test_temperature_zero_takes_the_best_and_splits_ties():
    joint = Joint(np.array([[0, 0], [0, 1], [1, 1]]), np.array([0.4, 0.3, 0.3]))
    assert joint.answer_probabilities([[0], [1]], 0) == pytest.approx([1, 0, 0])
    # position 1: token 1 has 0.6
    assert joint.answer_probabilities([[0, 1]], 0) == pytest.approx([0, 1, 0])
    tied = uniform([[0, 0], [1, 1]])
    assert tied.answer_probabilities([[0, 1]], 0) == pytest.approx([0.25, 0.25])


def test_temperature_is_a_power_of_the_marginals():
    joint = Joint(np.array([[0], [1]]), np.array([0.8, 0.2]))
    assert joint.answer_probabilities([[0]], 0.5) == pytest.approx([0.64 / 0.68, 0.04 / 0.68])
    assert joint.accuracy([[0]], 2.0) == pytest.approx(1)


def test_what_an_ideal_model_writes_diverges_by_the_bound():
    rng = np.random.default_rng(0)
    answers = np.unique(rng.integers(0, 3, (12, 5)), axis=0)
    joint = Joint(answers, rng.dirichlet(np.ones(len(answers))))
    partition = [[3, 0], [1], [4, 2]]
    written = joint.answer_probabilities(partition)
    gains = [
        sum(joint.entropy([*before, j]) - joint.entropy(before) for j in step)
        for before, step in (([], [3, 0]), ([3, 0], [1]), ([3, 0, 1], [4, 2]))
    ]
    assert sum(gains) - joint.entropy(range(5)) == pytest.approx(joint.bound(partition), abs=1e-9)
    assert written.sum() >= 2 ** -joint.bound(partition)  # Jensen


@pytest.mark.parametrize("partition", [[[0, 1]], [[0, 1], [1, 2]], [[0, 1, 2], []], [[0, 1, 3]]])
def test_what_is_no_partition_is_refused(partition):
    with pytest.raises(UsageError, match=r"each of the positions 0\.\.2 once"):
        XOR.bound(partition)


@pytest.mark.parametrize("rows", [[], [[0, 1], [0, 1]]])
def test_answers_are_distinct(rows):
    with pytest.raises(ValueError, match="distinct"):
        uniform(rows)


def test_an_unmasked_whole_costs_nothing():
    assert math.isclose(XOR.accuracy([[2], [0], [1]]), 1)
