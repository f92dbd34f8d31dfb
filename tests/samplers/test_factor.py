"""Factor: the published rule, and the last-rank rule of the released code under compat."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pbench.samplers import make_sampler
from pbench.samplers.factor import factor_count, released_factor_count
from tests.samplers.steps import MadeStep

FACTORS = (0.7, 1.0, 1.3, 1.6, 1.9)
# Confidences, and the counts of the published rule and of the released code for the five factors.
GOLDEN = [
    ([0.99, 0.98, 0.95, 0.90], (4, 4, 4, 4, 4), (4, 4, 4, 4, 4)),
    ([0.6, 0.5, 0.4, 0.3], (1, 1, 1, 2, 2), (1, 1, 1, 2, 2)),
    ([0.99, 0.99, 0.99, 0.5], (3, 3, 3, 3, 3), (4, 4, 4, 4, 4)),
    ([0.97, 0.96, 0.40], (2, 2, 2, 2, 2), (3, 3, 3, 3, 3)),
    ([0.9, 0.2], (1, 1, 1, 1, 1), (2, 2, 2, 2, 2)),
    ([0.3], (1, 1, 1, 1, 1), (1, 1, 1, 1, 1)),
]


@pytest.mark.parametrize(("confidences", "exact", "released"), GOLDEN)
def test_golden_counts_of_both_modes(confidences, exact, released):
    row = [None, *confidences[::-1], None]
    for compat, counts in ((False, exact), (True, released)):
        found = [
            int(make_sampler("factor", {"factor": f}).select(MadeStep([row], compat=compat)).commit.sum())
            for f in FACTORS
        ]
        assert tuple(found) == counts


@pytest.mark.parametrize("length", [8, 32, 64])
def test_a_block_of_equally_bad_tokens_takes_one_step_less_in_the_released_code(length):
    for count, forwards in ((factor_count, length), (released_factor_count, length - 1)):
        left, taken = length, 0
        while left:
            left -= int(count(torch.full((1, left), 0.01), 1.0))
            taken += 1
        assert taken == forwards


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20), st.sampled_from(FACTORS))
def test_the_released_count_is_its_scan(confidences, factor):
    ordered = torch.tensor([sorted(confidences, reverse=True)])
    limits = [-1.0, *(float(1 - factor / (torch.tensor([n]) + 1)) for n in range(2, len(confidences) + 1))]
    last = 0
    for last, limit in enumerate(limits):
        if ordered[0, last] < limit:
            break
    if last in (0, len(confidences) - 1):
        last += 1
    assert int(released_factor_count(ordered, factor)) == last
