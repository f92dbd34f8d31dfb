"""Entropy-bounded: golden counts, the trap of floating point, and its limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.errors import UsageError
from pbench.samplers import make_sampler
from tests.samplers.steps import MadeStep, chosen

GOLDEN = [(0.01, 2), (0.02, 2), (0.05, 2), (0.1, 3), (0.25, 3), (0.3, 4), (1, 4), (2, 5)]


def committed(entropy, bound):
    step = MadeStep(entropy=[entropy])
    return chosen(make_sampler("entropy-bounded", {"entropy_bound": bound}).select(step).commit)[0]


@pytest.mark.parametrize(("bound", "count"), GOLDEN)
def test_golden_counts(bound, count):
    entropies = [1.5, 0.01, None, 0.9, 0.05, 0.2]
    assert committed(entropies, bound) == sorted([1, 4, 5, 3, 0][:count])


def test_at_zero_it_is_one_a_step_but_for_entropies_that_are_exactly_zero():
    assert committed([0.5, 0.25, 0.75], 0) == [1]
    assert committed([0.5, 0.0, 0.0, 0.75], 0) == [0, 1, 2]


@given(
    st.lists(st.integers(0, 5000), min_size=1, max_size=30),
    st.integers(0, 10_000),
)
def test_the_prefix_is_the_longest_one_that_the_bound_allows(entropies, bound):
    bound += 0.5  # thousandths of a nat; never equal to a sum
    ordered = sorted(entropies)
    longest = max(n for n in range(1, len(ordered) + 1) if sum(ordered[:n]) - max(ordered[:n]) <= bound)
    assert len(committed([value / 1000 for value in entropies], bound / 1000)) == longest


def test_a_negative_bound_is_refused():
    with pytest.raises(UsageError, match="entropy_bound"):
        make_sampler("eb", {"entropy_bound": -0.1})
