"""Replay and statistics of traces: against values worked out by hand, and the engine's own counts."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.decode import Engine, EngineOptions
from pbench.records import TraceEvent
from pbench.samplers import make_sampler
from pbench.traces import (
    Order,
    commit_steps,
    decoding_order,
    frames,
    gap_of_steps,
    given_tokens,
    global_arness,
    last_step,
    local_arness,
    summarise,
    tokens_per_step,
)
from tests.report.made_traces import RIGHT, generation, remasked, sample, traced
from tests.scripted import Scripted, hashed
from tests.scripted import sample as scripted_sample


def test_frames_of_commits():
    assert [(f.step, f.tokens) for f in frames(generation(sample(0), k=4))] == [
        (0, (None,) * 6),
        (1, (*RIGHT[:4], None, None)),
        (2, RIGHT),
    ]


def test_remasks_clear_a_position_and_come_last_in_their_step():
    found = list(frames(remasked(sample(0))))
    assert [f.tokens[1] for f in found] == [None, 8, None, None, 6]
    assert [event.event for event in found[2].changes] == ["commit", "remask"]


def test_positions_without_events_were_given():
    row = traced(sample(0), RIGHT, [TraceEvent(1, 3, 7, 1.0, "commit")])
    assert given_tokens(row) == (3, 6, 4, None, 5, 2)
    assert [f.tokens for f in frames(row)][-1] == RIGHT


@given(st.permutations(range(6)), st.lists(st.integers(1, 4), min_size=6, max_size=6))
def test_the_last_frame_is_the_answer_whatever_the_order(order, steps):
    events = [
        TraceEvent(step, place, RIGHT[place], 0.5, "commit") for place, step in zip(order, steps, strict=True)
    ]
    found = list(frames(traced(sample(0), RIGHT, events)))
    assert found[-1].tokens == RIGHT
    assert [f.step for f in found] == sorted({0, *steps})
    for before, after in pairwise(found):
        for old, new in zip(before.tokens, after.tokens, strict=True):
            assert old is None or old == new


def trace(*steps: str) -> list[TraceEvent]:
    """`trace("0 2", "1", "-2 3")`: positions by step; a minus takes one back."""
    return [
        TraceEvent(step, abs(int(word)), 5, 0.5, "remask" if word.startswith("-") else "commit")
        for step, words in enumerate(steps, 1)
        for word in words.split()
    ]


def test_left_to_right_and_right_to_left():
    forwards, backwards = trace("0", "1", "2", "3"), trace("3", "2", "1", "0")
    assert decoding_order(commit_steps(forwards, 4)) == Order(4, 1.0, 1.0)
    assert decoding_order(commit_steps(backwards, 4)) == Order(4, -1.0, -1.0)
    assert (local_arness(forwards), global_arness(forwards)) == (1.0, 1.0)
    assert (local_arness(backwards), global_arness(backwards)) == (0.0, 0.25)
    assert global_arness(backwards, k=2) == 0.5


def test_ties_given_positions_and_padding():
    # Steps 1 1 2 0 3 of five positions, the fourth given; tau-b: 5 concordant of 6 pairs, one tied.
    events = trace("0 1", "2", "4")
    assert commit_steps(events, 5) == (1, 1, 2, 0, 3)
    order = decoding_order(commit_steps(events, 5))
    assert order.n == 4
    assert order.kendall == pytest.approx(5 / (6 * 5) ** 0.5)
    assert order.spearman == pytest.approx(0.9486832980505138)  # ranks 1.5 1.5 3 4 against 1 2 3 4
    assert decoding_order(commit_steps(events, 5), 2) == Order(2, None, None)
    assert decoding_order(commit_steps(events, 5), 0) == Order(0, None, None)


def test_tokens_of_one_step_count_from_left_to_right():
    assert local_arness(trace("2 1 0", "3")) == 1.0
    assert global_arness(trace("0 1 2 3")) == 1.0
    assert local_arness(trace("0 2", "1 3")) == 0.0
    assert global_arness(trace("0 2", "1 3")) == 0.75
    assert (local_arness(trace("3")), global_arness([])) == (None, None)


def test_an_edit_is_a_new_token_and_no_commit():
    events = [*trace("1", "12"), TraceEvent(3, 1, 6, 0.9, "edit")]
    assert commit_steps(events, 13) == (0, 3, *[0] * 10, 2)
    assert (local_arness(events), global_arness(events)) == (0.0, 1.0)
    assert tokens_per_step(events) == {0: 1, 1: 2}
    assert global_arness(trace("8", "1"), k=1) == 0.5  # the leftmost one first, however far they lie apart
    assert global_arness(trace("1", "8"), k=1) == 1.0


def test_a_failed_row_shows_what_it_had():
    row = replace(traced(sample(0), RIGHT, trace("0")), output_ids=None)
    assert given_tokens(row) == (None,) * 6
    assert [f.tokens for f in frames(row)][-1] == (5, *[None] * 5)


def test_what_is_taken_back_is_a_mask_again():
    events = trace("0 1", "-0 2", "0")
    assert commit_steps(events, 3) == (3, 1, 2)
    assert commit_steps(trace("0 1", "-0"), 2) == (0, 1)
    assert global_arness(events) == 1.0
    assert tokens_per_step(events) == {1: 2, 2: 1}


def test_the_gap_of_a_step_is_the_sum_of_its_commits():
    events = trace("0 1", "-0 2", "0 3", "")
    assert gap_of_steps(events, [0.0, -2.0, None, 0.0, 0.0, 1.5]) == {1: -2.0, 2: 0.0, 3: 1.5}
    assert gap_of_steps(events, [None, -2.0, None, 0.0, 0.5, None]) == {1: None, 2: 0.0, 3: None}


def test_steps_without_a_commit_are_steps():
    events = [TraceEvent(1, 0, 5, 0.5, "commit"), TraceEvent(4, 1, 5, 0.5, "commit")]
    assert last_step(events) == 4
    assert tokens_per_step(events) == {0: 2, 1: 2}
    assert (last_step([]), tokens_per_step([])) == (0, {})


def test_a_summary_agrees_with_what_the_engine_counted():
    engine = Engine(
        Scripted(hashed), make_sampler("threshold", {"gamma": 0.4}), 12, EngineOptions(block_length=4)
    )
    for answer in engine.run([scripted_sample(i, "ab" * i, 12) for i in range(1, 5)]):
        found = summarise(answer)
        assert found.steps == answer.nfe
        assert sum(size * steps for size, steps in found.tokens_per_step.items()) == 12
        assert found.padded == decoding_order(answer.commit_step)
        assert found.content.n == answer.content_length
        assert found.padded.kendall > 0  # blocks go from left to right
        assert summarise(replace(answer, trace=None)) is None


@given(st.permutations(range(8)), st.integers(1, 4))
def test_bounds_hold_for_any_order(places, size):
    words = [" ".join(map(str, places[i : i + size])) for i in range(0, 8, size)]
    events = trace(*words)
    order = decoding_order(commit_steps(events, 8))
    assert order.n == 8
    assert -1 <= order.kendall <= 1
    assert 0 <= local_arness(events) <= 1
    assert 1 / 8 <= global_arness(events) <= global_arness(events, 2) <= global_arness(events, 8) == 1
    assert sum(tokens_per_step(events).values()) == last_step(events) == len(words)
