"""--eos stop: when an answer is over, what is written behind it, and what is not spent on it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from pbench.decode import Engine, EngineOptions
from pbench.decode.ends import ended
from pbench.samplers import make_sampler
from tests.scripted import EOS, MASK, PAD, VOCAB, Scripted, sample


@pytest.mark.parametrize(
    ("answer", "fixed", "over"),
    [
        ([5, EOS, MASK, MASK], "0000", True),
        ([5, PAD, MASK, MASK], "0000", True),
        ([MASK, EOS, MASK, MASK], "0000", False),
        ([5, 5, MASK, EOS], "0000", False),
        ([5, 5, 5, MASK], "0000", False),
        ([EOS, MASK, MASK, MASK], "0000", True),
        ([EOS, MASK, 7, MASK], "0010", False),
        ([7, EOS, MASK, EOS], "1001", True),
        ([7, EOS, 8, 8], "1000", True),
    ],
)
def test_when_an_answer_is_over(answer, fixed, over):
    ids = torch.tensor([answer])
    given = torch.tensor([[bool(int(mark)) for mark in fixed]])
    assert ended(ids, ids == MASK, given, EOS, PAD).tolist() == [over]


def writes(*tokens: int, order=None):
    """A script of these tokens, surest first by `order` (left to right if none)."""

    def script(canvas, row, position):
        logits = torch.zeros(VOCAB)
        rank = position if order is None else order.index(position)
        logits[tokens[position]] = 12.0 - rank
        return logits

    return script


def decode(script, sampler=("confidence", {"k": 1}), samples=None, **options):
    denoiser = Scripted(script)
    engine = Engine(denoiser, make_sampler(*sampler), 8, EngineOptions(eos="stop", **options))
    answers = {a.sample.index: replace(a, seconds=None) for a in engine.run(samples or [sample(0)])}
    return answers, denoiser.forwards


@pytest.mark.parametrize("block_length", [None, 4, 2])
def test_nothing_is_spent_behind_the_end(block_length):
    answers, forwards = decode(writes(4, 5, EOS, 6, 6, 6, 6, 6), block_length=block_length)
    answer = answers[0]
    assert answer.nfe == forwards == 3
    assert answer.output_ids == (4, 5, EOS, EOS, EOS, EOS, EOS, EOS)
    assert (answer.content_length, answer.output_text, answer.status) == (2, "bc", "ok")
    assert answer.commit_step == (1, 2, 3, 3, 3, 3, 3, 3)
    fillers = [event for event in answer.trace if math.isnan(event.confidence)]
    assert [(event.step, event.position, event.event) for event in fillers] == [
        (3, position, "commit") for position in range(3, 8)
    ]


def test_an_end_with_masks_before_it_does_not_end_the_answer():
    answers, _ = decode(writes(4, 5, EOS, 6, 6, 6, 6, 6, order=[2, 3, 0, 1, 4, 5, 6, 7]))
    answer = answers[0]
    assert answer.nfe == 4
    assert answer.output_ids == (4, 5, EOS, 6, EOS, EOS, EOS, EOS)
    assert (answer.content_length, answer.output_text) == (2, "bc")


def test_an_answer_that_never_ends_is_decoded_to_its_end():
    answers, _ = decode(writes(*[4] * 8))
    assert (answers[0].nfe, answers[0].content_length, answers[0].output_text) == (8, 8, "b" * 8)


@pytest.mark.parametrize("cache", ["none", "dual"])
def test_batch_neighbours_change_nothing(cache):
    def script(canvas, row, position):
        end = int(canvas.prompt_lengths[row])
        logits = torch.zeros(VOCAB)
        logits[EOS if position >= end else 4] = 12.0 - position
        return logits

    samples = [sample(i, "a" * (1 + i * 3 % 9)) for i in range(9)]
    options = {"block_length": 2, "cache": cache}
    alone, _ = decode(script, samples=samples, batch_size=1, **options)
    together, _ = decode(script, samples=samples, batch_size=4, **options)
    assert together == alone
    assert [alone[i].content_length for i in range(9)] == [min(8, 1 + i * 3 % 9) for i in range(9)]


def test_a_sampler_that_may_go_on_is_not_asked_any_more():
    answers, forwards = decode(writes(4, EOS, 6, 6, 6, 6, 6, 6), ("joint-threshold", {"gamma": 0.99999}))
    assert answers[0].nfe == forwards == 2
