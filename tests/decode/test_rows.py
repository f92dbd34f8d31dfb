"""A row by itself: its blocks, its counts, its random numbers and what it hands out."""

from __future__ import annotations

import math

import pytest
import torch

from pbench.decode.rows import Row
from pbench.samplers import make_sampler
from pbench.streams import sample_stream
from tests.scripted import EOS, MASK, PAD, Scripted, hashed, sample

SAMPLER = make_sampler("confidence", {"k": 2})


def row(gen_length=8, block_length=4, **state) -> Row:
    return Row(sample(3, gen_length=gen_length), [3] * 5, gen_length, block_length, seed=7, **state)


@pytest.mark.parametrize(
    ("gen_length", "block_length", "offset", "found"),
    [
        # bounds, first position of the window, index, blocks
        (8, 4, 0, [((0, 4), 0, 0, 2), ((4, 8), 4, 1, 2)]),
        (8, 4, 1, [((0, 3), 0, 0, 2), ((3, 7), 3, 1, 2), ((7, 8), 4, 2, 2)]),
        (4, 8, 6, [((0, 2), 0, 0, 1), ((2, 4), 0, 1, 1)]),
        (4, 8, 1, [((0, 4), 0, 0, 1)]),
    ],
)
def test_blocks_are_counted_from_the_offset(gen_length, block_length, offset, found):
    one, blocks = row(gen_length, block_length, offset=offset), []
    while one.next_block(SAMPLER, [True] * gen_length):
        assert one.plan.masks == one.bounds[1] - one.bounds[0]
        assert one.plan.length == one.width == min(gen_length, block_length)
        assert one.max_steps == math.ceil(one.plan.masks / 2)
        blocks.append((one.bounds, one.start, one.plan.index, one.plan.blocks))
    assert blocks == found


def test_a_block_without_a_mask_is_passed_over_and_steps_begin_anew():
    one = row(block_length=2)
    assert one.next_block(SAMPLER, [False, False, True, True, False, True, False, False])
    one.count_forward(0.25)
    one.count_forward(0.5)
    assert (one.bounds, one.number, one.nfe, one.seconds) == ((2, 4), 2, 2, 0.75)
    assert one.next_block(SAMPLER, [False] * 5 + [True, False, False])
    assert (one.bounds, one.plan.masks, one.number, one.nfe) == ((4, 6), 1, 0, 2)
    assert not one.next_block(SAMPLER, [False] * 8)


def test_random_numbers_go_on_from_call_to_call_and_differ_by_purpose():
    one, fresh = row(), {use: sample_stream(7, "test/scripted", 3, use) for use in ("order", "token")}
    for _ in range(2):
        for use in ("order", "token"):
            assert torch.equal(torch.rand(4, generator=one.stream(use)), torch.rand(4, generator=fresh[use]))


@pytest.mark.parametrize(
    ("ids", "stopped", "status", "text", "content"),
    [
        ([3, 4, EOS, 5], False, "ok", "abc", 2),
        ([3, 4, EOS, 5], True, "ok", "ab", 2),
        ([3, PAD, 4, EOS], True, "ok", "a", 1),
        ([3, 4, 5, 6], True, "ok", "abcd", 4),
        ([EOS, PAD, PAD, PAD], False, "empty", "", 0),
    ],
)
def test_an_answer_is_cut_where_an_end_has_stopped_it(ids, stopped, status, text, content):
    one = row(4)
    one.stopped = stopped
    found = one.generation(ids, Scripted(hashed))
    assert (found.status, found.output_text, found.content_length) == (status, text, content)
    assert found.output_ids == tuple(ids)


def test_what_was_counted_is_handed_out_with_an_answer_and_with_a_failure():
    one = row(4, nfe_aux=1, nfe_prefill=2, nfe_store=3, nfe_gap=4, measured=True)
    one.next_block(SAMPLER, [True] * 4)
    for place, bits in enumerate((0.0, -1.5, math.nan, math.inf)):
        one.count_forward(0.5)
        one.count_tokens(10, 20)
        one.record("commit", place, 3, 0.75, bits)
    for found in (one.generation([3] * 4, Scripted(hashed)), one.failure("no_progress", "why")):
        assert (found.nfe, found.nfe_aux, found.nfe_prefill, found.nfe_store, found.nfe_gap) == (
            4,
            1,
            2,
            3,
            4,
        )
        assert (found.query_tokens, found.kv_tokens, found.seconds) == (40, 80, 2.0)
        assert (found.input_length, found.gen_length, found.block_length, found.seed) == (5, 4, 4, 7)
        assert found.gap == (0.0, -1.5, None, None)
        assert [event.step for event in found.trace] == [1, 2, 3, 4]
    assert (found.status, found.error_kind, found.error, found.output_ids) == (
        "error",
        "no_progress",
        "why",
        None,
    )
    unmeasured = row(4, nfe_gap=4).generation([MASK] * 4, Scripted(hashed))
    assert (unmeasured.gap, unmeasured.nfe_gap) == (None, None)
