"""The canvas keeps its rows aligned while others come and go."""

from __future__ import annotations

import sys

import torch
from hypothesis import given
from hypothesis import strategies as st

from pbench.decode.canvas import BatchCanvas
from tests.forks import finish

MASK, PAD = 1, 0


def canvas() -> BatchCanvas:
    return BatchCanvas(4, MASK, PAD, torch.device("cpu"))


def test_prompts_are_left_padded_and_positions_count_from_the_first_token():
    grid = canvas()
    grid.extend([[5, 6, 7], [8]], [[MASK] * 4, [MASK, 9, MASK, MASK]])
    assert grid.ids.tolist() == [[5, 6, 7, 1, 1, 1, 1], [0, 0, 8, 1, 9, 1, 1]]
    assert grid.attention_mask.tolist()[1] == [False, False, True, True, True, True, True]
    assert grid.position_ids.tolist() == [[0, 1, 2, 3, 4, 5, 6], [0, 0, 0, 1, 2, 3, 4]]
    assert grid.fixed.tolist() == [[False] * 4, [False, True, False, False]]


def test_padding_goes_with_the_row_that_needed_it():
    grid = canvas()
    grid.extend([[5, 6, 7], [8]], [[MASK] * 4] * 2)
    grid.keep([1])
    assert grid.ids.tolist() == [[8, 1, 1, 1, 1]]
    grid.keep([])
    assert grid.ids.shape == (0, 4)


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=12))
def test_rows_survive_any_coming_and_going(moves):
    grid, expected = canvas(), []
    for number, (length, drop) in enumerate(moves):
        prompt = [10 + number] * length
        grid.extend([prompt], [[MASK] * 4])
        expected.append(prompt)
        if drop and len(expected) > 1:
            grid.keep(range(1, len(expected)))
            expected = expected[1:]
    assert grid.answer_start == max(map(len, expected))
    for row, prompt in enumerate(expected):
        assert grid.ids[row][grid.attention_mask[row]].tolist() == [*prompt, MASK, MASK, MASK, MASK]


def on_meta() -> None:
    BatchCanvas(8, 1, 0, torch.device("meta"))
    sys.exit("torch._dynamo" in sys.modules)


def test_a_canvas_to_look_at_a_run_imports_no_compiler():
    """torch's arithmetic on the meta device does, for 2 s; every sweep begins with such a look."""
    assert finish(on_meta) == 0
