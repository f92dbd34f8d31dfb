"""Joint threshold: commits and edits in one forward, and when a full block is let go."""

from __future__ import annotations

from pbench.samplers import make_sampler
from pbench.samplers.joint_threshold import POST_STEPS
from tests.samplers.plays import GIVEN, Play


def test_a_block_by_hand():
    scores = [[0.9, 0.6, 0.3], [0.95, 0.95, 0.4], [0.85, 0.5, 0.95], [0.99, 0.99, 0.99]]
    tokens = [[3, 4, 5], [7, 4, 5], [8, 9, 6], [7, 4, 6]]
    play = Play(
        make_sampler("joint-threshold", {"gamma": 0.5}), lambda n: scores[n], tokens=lambda n: tokens[n]
    )
    # 1: 0 and 1. 2: 0 becomes 7 (0.95); 1 is confirmed; 2 is the best mask. 3: full; only 2 is sure
    # enough of another token. 4: nothing changes, the block is let go.
    assert play.commits == [[0, 1], [0, 2], [2], []]
    assert play.canvas[0].tolist() == [7, 4, 6]


def test_both_comparisons_are_strict():
    scores = [[0.5, 0.75], [0.75, 0.5], [0.75, 0.75]]
    tokens = [[3, 4], [3, 6], [6, 6]]
    sampler = make_sampler("joint-threshold", {"gamma": 0.5, "edit_gamma": 0.75})
    play = Play(sampler, lambda n: scores[n], tokens=lambda n: tokens[n])
    assert play.commits == [[1], [0], []]


def test_a_block_that_never_rests_is_let_go_after_sixteen_more():
    sampler = make_sampler("joint-threshold", {"gamma": 0.5})
    play = Play(sampler, lambda n: [0.99] * 2, tokens=lambda n: [3 + n % 2] * 2)
    assert len(play.frames) == 1 + POST_STEPS


def test_given_tokens_are_never_edited():
    play = Play(make_sampler("joint-threshold", {"gamma": 0.5}), lambda n: [0.99] * 3, fixed=[1])
    assert play.canvas[0].tolist() == [5, GIVEN, 5]
    assert play.commits == [[0, 2], []]


def test_edit_gamma_one_never_edits():
    sampler = make_sampler("joint-threshold", {"gamma": 0.5, "edit_gamma": 1})
    play = Play(sampler, lambda n: [1.0, 0.4], tokens=lambda n: [3 + n % 2] * 2)
    assert play.commits == [[0], [1], []]
