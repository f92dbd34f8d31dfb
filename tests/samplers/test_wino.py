"""WINO: what is committed, what is taken back, and how much of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.samplers import make_sampler
from pbench.samplers.pace import Memory
from tests.samplers.plays import GIVEN, Play
from tests.samplers.steps import MadeStep, chosen


def test_a_block_by_hand():
    scores = [
        [0.95, 0.9, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1],  # 0 1 2 are sure
        [0.0, 0.0, 0.0, 0.8, 0.7, 0.3, 0.2, 0.1],  # 3 4
        [0.0, 0.9, 0.9, 0.0, 0.0, 0.3, 0.2, 0.1],  # 1 2
        [0.1, 0.0, 0.0, 0.0, 0.0, 0.3, 0.2, 0.1],  # none is sure: 5
        [0.7, 0.0, 0.0, 0.0, 0.0, 0.0, 0.8, 0.9],  # 0 6 7
    ]
    shadow = [
        [0.0] * 8,
        [0.95, 0.5, 0.4, 0.0, 0.0, 0.0, 0.0, 0.0],  # 1 and 2 do not hold: two are fewer than three
        [0.1, 0.0, 0.0, 0.2, 0.95, 0.0, 0.0, 0.0],  # 0 and 3 do not hold; after two commits only one goes
        [0.0] * 8,  # after a single commit nothing goes
        [0.0] * 8,  # the step before committed one: none may go
    ]
    play = Play(make_sampler("wino", {"gamma": 0.6}), lambda n: scores[n], shadow=lambda n: shadow[n])
    assert play.commits == [[0, 1, 2], [3, 4], [1, 2], [5], [0, 6, 7]]
    assert play.remasks == [[], [1, 2], [0], [], []]


def test_both_comparisons_are_strict():
    sampler = make_sampler("wino", {"gamma": 0.5, "gamma_back": 0.75})
    scores = [[0.625, 0.75, 0.5, 0.5, 0.25], [0.0, 0.0, 0.625, 0.625, 0.25], [0.625] * 5]
    play = Play(sampler, lambda n: scores[n], shadow=lambda n: [0.75, 0.625, 1.0, 1.0, 1.0])
    assert play.commits[:2] == [[0, 1], [2, 3]]
    assert play.remasks[:2] == [[], [1]]


@pytest.mark.parametrize(("masks", "count"), [(4, 4), (6, 5), (10, 7), (12, 8), (29, 20), (40, 20)])
def test_at_most_seven_tenths_between_five_and_twenty(masks, count):
    step = MadeStep([[0.99] * masks], states=[Memory()])
    step.shadow_probability = step.confidence.clone()
    assert chosen(make_sampler("wino", {"gamma": 0.6}).select(step).commit) == [list(range(count))]


def test_given_tokens_are_never_taken_back():
    scores = [[0.9, 0.9, 0.1, 0.1, 0.1, 0.1], [0.0, 0.0, 0.9, 0.9, 0.1, 0.1], [0.9] * 6, [0.9] * 6]
    play = Play(
        make_sampler("wino", {"gamma": 0.5}), lambda n: scores[n], fixed=[1], shadow=lambda n: [0.0] * 6
    )
    assert play.canvas[0].tolist() == [5, GIVEN, 5, 5, 5, 5]


def test_gamma_one_is_one_token_a_forward():
    play = Play(make_sampler("wino", {"gamma": 1.0}), lambda n: [1.0, 0.9, 1.0])
    assert play.commits == [[0], [2], [1]]


@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30),
    st.lists(st.floats(0, 1, width=32), min_size=30, max_size=30),
    st.floats(0, 1),
)
def test_ends_within_as_many_forwards_as_masks(scores, shadow, gamma):
    width = len(scores)
    Play(
        make_sampler("wino", {"gamma": gamma}),
        lambda n: scores[n % width :] + scores[: n % width],
        shadow=lambda n: (shadow[n % 30 :] + shadow[: n % 30])[:width],
    )  # raises if the bound does not hold
