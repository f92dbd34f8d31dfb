"""Fréchet: golden counts, the rule as written, and its equivalence to factor."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from pbench.samplers import make_sampler
from pbench.samplers.factor import factor_count
from pbench.samplers.frechet import frechet_count
from tests.samplers.steps import MadeStep, chosen

GOLDEN = [
    ([0.99, 0.98, 0.95, 0.90], 4),
    ([0.6, 0.5, 0.4, 0.3], 1),
    ([0.99, 0.99, 0.99, 0.5], 3),
    ([0.97, 0.96, 0.40], 2),
    ([0.9, 0.2], 1),
    ([0.3], 1),
]


@pytest.mark.parametrize(("confidences", "count"), GOLDEN)
def test_golden_counts_at_a_quarter(confidences, count):
    step = MadeStep([[None, *confidences[::-1]]])
    assert int(make_sampler("frechet", {"delta": 0.25}).select(step).commit.sum()) == count


@pytest.mark.parametrize(("delta", "count"), [(0.5, 1), (0.25, 2)])
def test_the_bound_is_exceeded_and_not_met(delta, count):
    assert int(frechet_count(torch.tensor([[1.0, 0.75]]), delta)) == count  # 1.75 - 1 - 0.25 = 0.5


def test_the_best_are_committed_and_the_others_are_not():
    step = MadeStep([[0.4, 0.96, None, 0.97]])
    assert chosen(make_sampler("frechet", {"delta": 0.25}).select(step).commit) == [[1, 3]]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30), st.integers(2, 30))
def test_the_count_is_the_largest_prefix_of_the_rule_as_written(thousandths, delta):
    ordered = sorted(thousandths, reverse=True)
    sums = [sum(ordered[:n]) - 1000 * (n - 1) - (1000 - ordered[n - 1]) for n in range(1, len(ordered) + 1)]
    assume(all(total != 10 * delta for total in sums))  # equality is left to rounding
    passed = [n for n, total in enumerate(sums, 1) if total > 10 * delta]
    confidence = torch.tensor([thousandths]) / 1000
    assert int(frechet_count(confidence, delta / 100)) == max([1, *passed])


@given(st.floats(0, 1, width=32), st.integers(1, 64), st.sampled_from([0.3, 0.7, 0.75, 1.0, 1.3]))
def test_equal_confidences_make_it_factor_at_one_minus_delta(confidence, width, factor):
    gap = (torch.arange(2, width + 2) * (1 - torch.tensor(confidence)) - factor).abs().min()
    assume(gap > 1e-5)
    row = torch.full((1, width), confidence)
    assert int(frechet_count(row, 1 - factor)) == int(factor_count(row, factor))
