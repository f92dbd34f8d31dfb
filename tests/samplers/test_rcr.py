"""Running-confidence remasking: what stands after each step, on scores written out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.errors import UsageError
from pbench.samplers import make_sampler
from tests.samplers.plays import GIVEN, Play


def test_the_best_of_old_and_new_tokens_stand():
    scores = [[0.9, 0.8, 0.3, 0.2, 0.1, 0.4], [0.0, 0.0, 0.95, 0.85, 0.5, 0.99], [0.5] * 6]
    play = Play(make_sampler("rcr", {"k": 2}), lambda n: scores[n])
    # After the second step four may stand: 5, 2, 0 and 3; 1 (0.8) goes, 4 (0.5) does not come.
    assert play.commits == [[0, 1], [2, 3, 5], [1, 4]]
    assert play.remasks == [[], [1], []]


@pytest.mark.parametrize(
    ("options", "compat", "second"),
    [({}, False, [2]), ({"running": "last"}, False, [0]), ({}, True, [0])],
)
def test_the_running_confidence_is_the_highest_or_the_latest(options, compat, second):
    scores = [[0.5, 0.9, 0.6], [0.55, 0.0, 0.3], [0.5] * 3]
    play = Play(make_sampler("rcr", {"k": 1, **options}), lambda n: scores[n], compat=compat)
    assert play.commits[:2] == [[1], second]


def test_a_standing_token_keeps_its_confidence():
    scores = [[0.9, 0.5, 0.4], [0.0, 0.8, 0.7], [0.5] * 3]  # the 0.0 is of a position that stands
    play = Play(make_sampler("rcr", {"k": 1, "running": "last"}), lambda n: scores[n])
    assert play.commits == [[0], [1], [2]]


def test_saturated_ties_never_touch_given_tokens():
    play = Play(make_sampler("rcr", {"k": 1}), lambda n: [1.0] * 5, fixed=[0, 3])
    assert play.canvas[0].tolist() == [GIVEN, 5, 5, GIVEN, 5]
    assert play.commits == [[1], [2], [4]]


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=12), st.integers(1, 12))
def test_k_more_stand_after_each_step(scores, k):
    width = len(scores)
    play = Play(make_sampler("rcr", {"k": k}), lambda n: scores[n % width :] + scores[: n % width])
    stands = 0
    for frame in play.frames:
        assert frame.commit
        stands += len(frame.commit) - len(frame.remask)
        assert stands == min(width, k * (play.frames.index(frame) + 1))
    assert len(play.frames) == -(-width // k)


def test_more_than_a_block_holds_is_refused():
    with pytest.raises(UsageError, match="--k 9"):
        make_sampler("rcr", {"k": 9}).check(32, 8)
