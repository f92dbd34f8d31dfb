"""LocalLeap: anchors, their neighbourhood, and the best one where there is no anchor."""

from __future__ import annotations

import pytest

from pbench.samplers import make_sampler
from tests.samplers.steps import MadeStep, chosen

ROW = [0.8, 0.5, 0.95, 0.75, None, 0.76, 0.8, 0.8, 0.7]


@pytest.mark.parametrize(
    ("options", "positions"),
    [
        ({"radius": 0}, [2]),
        ({"radius": 1}, [2, 3]),
        ({"radius": 2}, [0, 2, 3]),
        ({}, [0, 2, 3, 5, 6]),
        ({"radius": 100}, [0, 2, 3, 5, 6, 7]),
        ({"radius": 100, "relaxed_gamma": 0.7}, [0, 2, 3, 5, 6, 7, 8]),
        ({"radius": 3, "relaxed_gamma": 0.76}, [0, 2, 5]),
    ],
)
def test_near_an_anchor_less_is_enough(options, positions):
    sampler = make_sampler("local-leap", {"gamma": 0.95, **options})
    assert chosen(sampler.select(MadeStep([ROW])).commit) == [positions]


def test_without_an_anchor_only_the_best_is_committed():
    sampler = make_sampler("local-leap", {"gamma": 0.96})
    assert chosen(sampler.select(MadeStep([ROW, ROW[::-1]])).commit) == [[2], [6]]
