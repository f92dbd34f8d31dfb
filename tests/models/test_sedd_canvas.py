"""SEDD's canvases: which positions are drawn, what starts there, and what a change leaves in the trace."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pbench.models.sedd_canvas import SeddCanvas
from pbench.models.traced import TracedRow
from tests.scripted import sample

TOKENS = 7  # the mask of the absorbing graph is id 7


def canvas(absorbing: bool) -> SeddCanvas:
    config: Any = SimpleNamespace(tokens=TOKENS, absorbing=absorbing)
    rows = [TracedRow(sample(0, gen_length=3), [3, 4], 5, 0), TracedRow(sample(1, gen_length=3), [5], 4, 0)]
    return SeddCanvas(rows, config, torch.device("cpu"))


def test_what_is_no_prompt_starts_as_masks_and_is_drawn_until_it_is_none():
    made = canvas(absorbing=True)
    assert made.ids.tolist() == [[3, 4, 7, 7, 7], [5, 7, 7, 7, 0]]
    assert made.drawn().tolist() == [[0, 2], [0, 3], [0, 4], [1, 1], [1, 2], [1, 3]]
    made.change(torch.tensor([0, 1]), torch.tensor([3, 1]), torch.tensor([6, 7]), torch.tensor([0.5, 0.25]))
    assert made.drawn().tolist() == [[0, 2], [0, 4], [1, 1], [1, 2], [1, 3]]
    found = [(event.position, event.token_id, event.confidence) for row in made.rows for event in row.events]
    assert found == [(1, 6, 0.5)]  # a mask that stays one is no event
    assert [made.answer(row) for row in (0, 1)] == [[7, 6, 7], [7, 7, 7]]


def test_on_the_uniform_graph_random_tokens_are_drawn_again_and_again():
    made = canvas(absorbing=False)
    own = torch.rand(
        3, generator=TracedRow(sample(0, gen_length=3), [3, 4], 5, 0).stream, dtype=torch.float64
    )
    assert made.ids[0].tolist() == [3, 4, *(own * TOKENS).long().tolist()]
    assert made.ids[1, 4] == 0
    assert len(made.drawn()) == 6
    made.change(torch.tensor([0]), torch.tensor([2]), (made.ids[:1, 2] + 1) % TOKENS, torch.tensor([0.5]))
    assert len(made.drawn()) == 6


@pytest.mark.parametrize("absorbing", [True, False])
def test_a_row_fails_at_the_first_step_whose_scores_are_none(absorbing):
    made = canvas(absorbing)
    for _ in range(3):
        made.rows[1].count_forward(4, 4)
        made.fail(torch.tensor([1, 1]))
    assert [row.failed_at for row in made.rows] == [None, 1]
