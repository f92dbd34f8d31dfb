"""ReMDM: timetable, which tokens are taken back, and that the quota is the block's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.errors import UsageError
from pbench.interfaces import BlockPlan
from pbench.samplers import make_sampler
from tests.samplers.plays import GIVEN, Play

# Order of commits at one a step: 0 1 3 4 5 6 2 7.
FIRST = [0.9, 0.8, 0.3, 0.7, 0.6, 0.5, 0.4, 0.2]
LATER = [0.9, 0.8, 0.85, 0.7, 0.6, 0.5, 0.1, 0.95]


def test_the_weakest_tokens_are_redone_when_seven_eighths_stand():
    sampler = make_sampler("remdm", {"k": 1, "remask_steps": 1, "remask_number": 2})
    play = Play(sampler, lambda n: FIRST if n < 7 else LATER)
    # The 7th forward would commit position 2; it and 6 are the weakest of the seven, so 2 stays a
    # mask and 6 becomes one. The remask step then fills the two best places: 7 and 2.
    assert play.commits == [[0], [1], [3], [4], [5], [6], [], [2, 7], [6]]
    assert play.remasks == [[], [], [], [], [], [], [6], [], []]


def test_without_remask_steps_it_is_confidence():
    plain = Play(make_sampler("confidence", {"k": 3}), lambda n: FIRST)
    assert Play(make_sampler("remdm", {"k": 3, "remask_steps": 0}), lambda n: FIRST).frames == plain.frames


@pytest.mark.parametrize(("k", "nfe"), [(1, 16), (2, 8), (4, 4), (3, 6)])
def test_there_are_as_many_remask_steps_as_others_if_not_said(k, nfe):
    assert len(Play(make_sampler("remdm", {"k": k}), lambda n: FIRST).frames) == nfe


def test_the_number_is_clipped_to_what_was_generated():
    sampler = make_sampler("remdm", {"k": 1, "remask_steps": 2, "remask_number": 4})
    play = Play(sampler, lambda n: FIRST[:4], fixed=[0, 2])
    assert play.canvas[0].tolist() == [GIVEN, 5, GIVEN, 5]
    assert [position for commit in play.commits for position in commit] == [1, 3]
    assert len(play.frames) == 2 + 2


def test_the_original_counts_steps_where_the_rule_counts_tokens():
    sampler = make_sampler("remdm", {"k": 2, "remask_steps": 1})
    state = sampler.plan_block(BlockPlan(32, 32, 1, 0, 32))
    assert (state.begin, state.compat_begin, len(state.table)) == (14, 16, 16)
    falling = [1 - place / 64 for place in range(32)]
    for compat, steps in ((False, [13, 14]), (True, [15, 16])):
        play = Play(sampler, lambda n: falling, compat=compat)
        short = [number for number, commit in enumerate(play.commits) if len(commit) == 1]
        # Two are due, but the weaker one stays a mask for the remask step, which fills one.
        assert short == steps
        assert len(play.frames) == 17


@pytest.mark.parametrize(
    ("k", "masks", "length", "begins"),
    [(1, 32, 32, (28, 28)), (1, 8, 16, (7, 8)), (3, 10, 10, (3, 4)), (1, 1, 1, (1, 1)), (2, 4, 64, (2, 2))],
)
def test_remask_steps_begin_at_seven_eighths_of_masks_or_of_the_block(k, masks, length, begins):
    state = make_sampler("remdm", {"k": k}).plan_block(BlockPlan(masks, length, 1, 0, length))
    assert (state.begin, state.compat_begin) == begins


@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=12),
    st.integers(1, 12),
    st.integers(0, 5),
    st.integers(1, 12),
)
def test_ends_on_time_with_a_full_block(scores, k, loops, number):
    sampler = make_sampler("remdm", {"k": k, "remask_steps": loops, "remask_number": number})
    play = Play(sampler, lambda n: scores[n % len(scores) :] + scores[: n % len(scores)])
    assert len(play.frames) == play.bound == -(-len(scores) // k) + loops


@pytest.mark.parametrize(("options", "words"), [({"k": 9}, "--k 9"), ({"k": 1, "remask_number": 9}, "mask")])
def test_more_than_a_block_holds_is_refused(options, words):
    with pytest.raises(UsageError, match=words):
        make_sampler("remdm", options).check(32, 8)
