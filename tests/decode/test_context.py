"""Prompts beyond the model's context are one error before work starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pbench.decode.context import check_answers, check_context
from pbench.errors import UsageError
from pbench.interfaces import Context
from tests.scripted import sample


def encode(one) -> list[int]:
    if one.index == 9:
        raise UsageError("cannot be read")
    return list(range(len(one.messages[-1]["content"])))


def test_the_longest_one_is_named_and_all_are_counted():
    samples = [sample(i, "x" * (10 + 2 * i)) for i in range(10)]
    check_context("m", encode, Context(16 + 2 * 8 + 2), samples)
    with pytest.raises(UsageError, match=r"context of 30 tokens, which 2 of 10 .*/8 has 26 tokens"):
        check_context("m", encode, Context(30), samples)


def test_an_answer_takes_whole_canvases():
    one = replace(sample(0, "x" * 20), gen_length=33)
    check_context("m", encode, Context(20 + 33), [one])
    check_context("m", encode, Context(20 + 64, canvas=32), [one])
    with pytest.raises(UsageError, match="20 tokens of prompt and gen_length 33, in whole canvases of 32;"):
        check_context("m", encode, Context(20 + 63, canvas=32), [one])


def test_an_option_that_leaves_too_little_room_is_named():
    with pytest.raises(UsageError, match=r"of 30 tokens by --room.*; choose a larger --room, a smaller"):
        check_context("m", encode, Context(30, setting="--room"), [sample(0, "x" * 29)])


def test_short_prompts_are_not_even_encoded():
    asked = []

    def count(one) -> list[int]:
        asked.append(one)
        return [0] * 3

    check_context("m", count, Context(2048), [sample(i) for i in range(5)])
    assert not asked
    check_context("m", count, Context(2048), [replace(sample(0), gen_length=1600)])
    assert len(asked) == 1


def test_answers_beyond_the_models_answer_positions():
    samples = [replace(sample(i), gen_length=8 * (i + 1)) for i in range(4)]
    check_answers("m", None, samples)
    check_answers("m", 32, samples)
    with pytest.raises(UsageError, match=r"16 positions for an answer, which 2 of 4 .*/3 has gen_length 32;"):
        check_answers("m", 16, samples)
