"""Hierarchical: what is sure, one in each run of masks, and the best where there is nothing."""

from __future__ import annotations

import pytest

from pbench.samplers import make_sampler
from tests.samplers.steps import MadeStep, chosen

ROW = [0.7, 0.65, None, 0.62, 0.95, 0.92, None, None, 0.6, 0.3, None, 0.8, 0.8]


@pytest.mark.parametrize(
    ("options", "positions"),
    [
        ({"gamma": 0.9}, [0, 4, 5, 11]),
        ({"gamma": 0.92}, [0, 4, 11]),
        ({"gamma": 0.9, "low_gamma": 0.5}, [0, 4, 5, 8, 11]),
        ({"gamma": 0.9, "low_gamma": 0.7}, [4, 5, 11]),
        ({"gamma": 0.75, "low_gamma": 2}, [4, 5, 11, 12]),
        ({"gamma": 1.5, "low_gamma": 2}, [4]),
    ],
)
def test_every_run_of_masks_is_split_at_its_best(options, positions):
    sampler = make_sampler("hierarchical", options)
    assert chosen(sampler.select(MadeStep([ROW])).commit) == [positions]


def test_rows_have_their_own_runs():
    step = MadeStep([[0.7, 0.8, 0.7, 0.9], [0.7, None, 0.7, 0.9], [0.1, 0.2, 0.1, None], [None] * 4])
    assert chosen(make_sampler("hierarchical", {"gamma": 1}).select(step).commit) == [[3], [0, 3], [1], []]
