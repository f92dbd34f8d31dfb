"""Dilated: the level table, what is put off, given tokens, and the released code's skipping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.interfaces import BlockPlan
from pbench.samplers import make_sampler
from pbench.samplers.dilated import level_table
from tests.samplers.steps import MadeStep, chosen

SIZES = [
    (1, [1]),
    (2, [2]),
    (4, [2, 2]),
    (6, [2, 4]),
    (8, [2, 2, 4]),
    (16, [2, 2, 4, 8]),
    (32, [2, 2, 4, 8, 16]),
]


@pytest.mark.parametrize(("length", "sizes"), SIZES)
def test_level_sizes(length, sizes):
    assert [len(level) for level in level_table(length, 2)] == sizes


def test_levels_of_eight():
    assert level_table(8, 2) == ((0, 4), (2, 6), (1, 3, 5, 7))
    assert level_table(9, 3) == ((0, 3, 6), (1, 2, 4, 5, 7, 8))
    assert level_table(5, 2) == ((0, 1, 2, 3, 4),)  # (0, 2, 4) and a smaller rest
    assert [len(level) for level in level_table(23, 3)] == [4, 19]  # 4, 10 and a smaller rest of 9


@given(st.integers(1, 300), st.integers(2, 9))
def test_levels_cover_every_position_once_and_do_not_shrink_at_the_end(length, base):
    levels = level_table(length, base)
    assert sorted(place for level in levels for place in level) == list(range(length))
    assert len(levels) == 1 or len(levels[-1]) >= len(levels[-2])


def run(rows, options=None, compat=False):
    """Commits of each step of one row; `rows` are its confidences, None where given."""
    sampler = make_sampler("dilated", options or {})
    masked = [value is not None for value in rows[0]]
    block = BlockPlan(sum(masked), len(masked), 1, 0, len(masked))
    states, steps = [sampler.plan_block(block)], []
    while any(masked):
        now = rows[min(len(steps), len(rows) - 1)]
        row = [value if held else None for value, held in zip(now, masked, strict=True)]
        places = chosen(sampler.select(MadeStep([row], states=states, compat=compat)).commit)[0]
        masked = [held and place not in places for place, held in enumerate(masked)]
        steps.append(places)
    assert len(steps) <= sampler.max_steps(block)
    return steps


@pytest.mark.parametrize(("length", "sizes"), SIZES)
def test_one_level_a_step_where_all_are_sure(length, sizes):
    assert run([[0.9] * length]) == [list(level) for level in level_table(length, 2)]
    assert length / len(sizes) == {1: 1, 2: 2, 4: 2, 6: 3, 8: 8 / 3, 16: 4, 32: 6.4}[length]


def test_unsure_positions_wait_for_the_next_level_and_the_last_takes_all():
    unsure = [0.9, 0.1, 0.9, 0.9, 0.2, 0.9, 0.1, 0.9]
    surer = [0.9, 0.1, 0.9, 0.9, 0.3, 0.9, 0.1, 0.9]
    assert run([unsure, surer, surer]) == [[0], [2, 4], [1, 3, 5, 6, 7]]


def test_at_least_one_of_a_level_is_committed():
    assert run([[0.1, 0.9, 0.1, 0.9, 0.2, 0.9, 0.1, 0.9]]) == [[4], [0], [1, 2, 3, 5, 6, 7]]


def test_levels_that_are_given_cost_no_step():
    assert run([[0.9, 0.9, None, 0.9, 0.9, 0.9, None, 0.9]]) == [[0, 4], [1, 3, 5, 7]]
    assert run([[0.9, None, 0.2, None, 0.9, None, 0.2, None]]) == [[0, 4], [2, 6]]


def test_compat_does_not_come_back_to_a_position_before_the_end():
    unsure = [0.9, 0.1, 0.9, 0.9, 0.2, 0.9, 0.1, 0.9]
    surer = [0.9] * 8
    assert run([unsure, surer, surer], compat=True) == [[0], [2, 6], [1, 3, 4, 5, 7]]
    assert run([unsure, surer, surer]) == [[0], [2, 4, 6], [1, 3, 5, 7]]


def test_rows_go_through_the_levels_on_their_own():
    sampler = make_sampler("dus", {})
    states = [sampler.plan_block(BlockPlan(4, 4, 1, 0, 4)) for _ in range(2)]
    sampler.select(MadeStep([[0.9] * 4], states=states[:1]))
    step = MadeStep([[None, 0.9, None, 0.9], [0.9] * 4], states=states)
    assert chosen(sampler.select(step).commit) == [[1, 3], [0, 2]]
