"""The bundled family's other paths give what the plain one gives wherever they must."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pbench.decode.canvas import BatchCanvas, CanvasView, with_rows, with_shadow
from pbench.errors import UsageError
from pbench.interfaces import CacheUse
from pbench.models import find_model, load_model
from tests.decode.test_caches import GEN_LENGTH, MASK, RandomTiny
from tests.scripted import PAD

PROMPTS = ([5, 6, 7, 8], [9], [4, 4, 11])
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}


def canvas(*answers: list[int]) -> BatchCanvas:
    grid = BatchCanvas(GEN_LENGTH, MASK, PAD, torch.device("cpu"))
    blank = [MASK] * GEN_LENGTH
    grid.extend(PROMPTS, [*answers, *[blank] * (len(PROMPTS) - len(answers))])
    return grid


def everywhere(grid, first: int, width: int) -> torch.Tensor:
    return torch.tensor([[row, first + i] for row in range(len(PROMPTS)) for i in range(width)])


def blocks(*starts: int, width: int = 4) -> torch.Tensor:
    return torch.tensor(starts).unsqueeze(1) + torch.arange(width)


@torch.inference_mode()
def test_the_sequence_is_blind_to_the_shadow():
    model, grid = RandomTiny(), canvas([5, MASK, 7, MASK] + [MASK] * 8)
    positions = everywhere(grid, grid.answer_start, GEN_LENGTH)
    shadowed = with_shadow(grid, blocks(0, 4, 8))
    torch.testing.assert_close(model.logits(shadowed, positions), model.logits(grid, positions), **TOLERANCE)


@torch.inference_mode()
def test_a_mask_beside_the_sequence_that_sees_what_the_mirrored_one_sees_is_it():
    """Its position, its neighbours and its view are then those of the mask in the sequence."""
    model, grid = RandomTiny(), canvas([MASK, 7, MASK, MASK] + [5] * 8)
    columns = blocks(0, 4, 8)
    columns[0] = torch.tensor([0, 2, 2, 3])
    view = with_shadow(grid, columns)
    seen = torch.zeros_like(view.pair_mask)
    seen[:, :, : grid.length] = grid.attention_mask.unsqueeze(1)
    beside = CanvasView(
        view.ids,
        view.attention_mask,
        view.position_ids,
        view.prompt_lengths,
        view.answer_start,
        view.length,
        seen,
    )
    inside = torch.tensor([[row, grid.answer_start + c] for row in range(3) for c in columns[row].tolist()])
    torch.testing.assert_close(
        model.logits(beside, everywhere(grid, grid.length, 4)), model.logits(grid, inside), **TOLERANCE
    )


@torch.inference_mode()
def test_shadow_tokens_see_each_other_and_not_what_they_mirror():
    grid = canvas([5, MASK, 7, MASK] + [MASK] * 8)
    view = with_shadow(grid, blocks(0, 4, 8))
    start, length = grid.answer_start, grid.length
    assert view.ids[:, length:].tolist() == [[MASK] * 4] * 3
    assert view.position_ids[1, length:].tolist() == [5, 6, 7, 8]
    assert not bool(view.pair_mask[:, :length, length:].any())
    assert bool(view.pair_mask[:, length:, length:].all())
    row = view.pair_mask[1, length + 2, :length].tolist()
    assert row == [column >= start - 1 and column != start + 4 + 2 for column in range(length)]


@torch.inference_mode()
def test_a_full_pass_through_the_cache_is_the_plain_pass():
    model, grid = RandomTiny(), canvas([5, MASK, 7, MASK] + [MASK] * 8)
    positions = everywhere(grid, grid.answer_start, GEN_LENGTH)
    whole = torch.zeros(3, dtype=torch.long)
    use = CacheUse(model.new_cache(), torch.tensor([4, 0, 2]), whole, whole + grid.length)
    torch.testing.assert_close(model.logits(grid, positions, use), model.logits(grid, positions), **TOLERANCE)


@torch.inference_mode()
def test_recomputing_unchanged_columns_changes_nothing_whatever_the_padding():
    model, grid = RandomTiny(), canvas([5, MASK, 7, MASK] + [MASK] * 8)
    memory, slots = model.new_cache(), torch.tensor([4, 0, 2])
    whole = torch.zeros(3, dtype=torch.long)
    positions = everywhere(grid, grid.answer_start, GEN_LENGTH)
    expected = model.logits(grid, positions, CacheUse(memory, slots, whole, whole + grid.length))
    expected = expected.view(3, GEN_LENGTH, -1)
    grid.keep([1, 2])  # the longest prompt goes, and its padding with it
    start = grid.answer_start + torch.tensor([4, 0])
    use = CacheUse(memory, slots[1:], start, start + torch.tensor([4, 12]))
    asked = torch.tensor([[0, grid.answer_start + c] for c in range(4, 8)])
    torch.testing.assert_close(model.logits(grid, asked, use), expected[1, 4:8], **TOLERANCE)


@torch.inference_mode()
def test_a_slot_forgets_its_earlier_row_even_one_with_nan():
    model, grid = RandomTiny(), canvas()
    memory, slot = model.new_cache(), torch.tensor([0])
    start = torch.tensor([0])
    long, short = with_rows(grid, torch.tensor([0])), with_rows(grid, torch.tensor([1]))
    asked = torch.tensor([[0, grid.answer_start]])
    model.logits(long, asked, CacheUse(memory, slot, start, start + grid.length))
    for kept in (memory.mix, memory.keys, memory.values, memory.pointer):
        kept[:, 0] = float("nan")
    found = model.logits(short, asked, CacheUse(memory, slot, start, start + grid.length))
    torch.testing.assert_close(found, model.logits(short, asked), **TOLERANCE)


def test_the_bundled_model_writes_only_its_own_words():
    tiny = load_model(find_model("tiny"), "cpu")
    name = tiny.tokenizer.decode([20])
    assert tiny.encode_text(name) == [20]
    with pytest.raises(UsageError, match="cannot write 'Ünicorn'"):
        tiny.encode_text("Ünicorn")
    assert replace(tiny.capabilities, max_length=0) == replace(RandomTiny().capabilities, max_length=0)
