"""The replay of traces: the answer after each step. (Their statistics: tests/decode/test_traces.py.)"""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pbench.records import TraceEvent
from pbench.traces import frames, given_tokens
from tests.report.made_traces import RIGHT, generation, remasked, sample, traced


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
