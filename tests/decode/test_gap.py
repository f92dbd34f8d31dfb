"""The dependency gap: against a naive replay of the trace, by hand, and beside everything else."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import groupby

import pytest
import torch

from pbench.decode import Engine, EngineOptions
from pbench.errors import UsageError
from pbench.records import Generation
from pbench.samplers import make_sampler
from tests.scripted import EOS, MASK, VOCAB, Scripted, hashed, sample
from tests.scripted import _drawn as drawn

PROMPTS = ["a", "abcdef", "zz", "hello there"]
SAMPLES = [sample(i, prompt) for i, prompt in enumerate(PROMPTS)]


def decode(sampler, script=hashed, samples=SAMPLES, **options) -> list[Generation]:
    options = {"measure_gap": True, "batch_size": 3} | options
    engine = Engine(Scripted(script), make_sampler(*sampler), samples[0].gen_length, EngineOptions(**options))
    return sorted(engine.run(samples), key=lambda answer: answer.sample.index)


def naive(answer: Generation, temperature: float) -> list[float | None]:
    """Bits of each event: the canvas written out token by token, a softmax at every commit."""
    prompt = Scripted(hashed).encode(answer.sample)
    canvas = [MASK] * answer.gen_length
    found: list[float | None] = []
    for _, group in groupby(answer.trace, key=lambda event: event.step):
        events = list(group)
        before, chained, bits = list(canvas), list(canvas), {}
        for event in sorted(events, key=lambda event: event.position):
            if event.event != "commit":
                continue
            told, alone = (chance(prompt + ids, event, temperature) for ids in (chained, before))
            bits[event.position] = math.log2(told) - math.log2(alone)
            chained[event.position] = event.token_id
        for event in events:
            found.append(bits[event.position] if event.event == "commit" else None)
            canvas[event.position] = MASK if event.event == "remask" else event.token_id
    return found


def chance(ids, event, temperature) -> float:
    logits = drawn(tuple(ids), event.position).clone()
    logits[MASK] = -math.inf
    return float((logits / (temperature or 1.0)).double().softmax(0)[event.token_id])


@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("block_length", [None, 4])
@pytest.mark.parametrize(
    "sampler",
    [
        ("random", {"k": 3}),
        ("confidence", {"k": 4}),
        ("threshold", {"gamma": 0.3}),
        ("wino", {"gamma": 0.3, "gamma_back": 0.6}),
        ("joint-threshold", {"gamma": 0.3, "edit_gamma": 0.4}),
    ],
    ids=lambda sampler: sampler[0],
)
def test_the_gap_is_that_of_a_naive_replay(sampler, block_length, temperature):
    if block_length == 4 and sampler[0] == "random":
        sampler = ("random", {"k": 4})
    answers = decode(sampler, temperature=temperature, block_length=block_length)
    for answer in answers:
        expected = naive(answer, temperature)
        assert [None if bits is None else pytest.approx(bits, abs=1e-4) for bits in expected] == list(
            answer.gap
        )
        commits = [event for event in answer.trace if event.event == "commit"]
        steps = {event.step for event in commits}
        assert answer.nfe_gap == len(commits) - len(steps)
    assert any(bits for answer in answers for bits in answer.gap)


def test_samplers_that_take_back_and_rewrite_were_among_them():
    for name, options, kind in (
        ("wino", {"gamma": 0.3, "gamma_back": 0.6}, "remask"),
        ("joint-threshold", {"gamma": 0.3, "edit_gamma": 0.4}, "edit"),
    ):
        events = [event.event for answer in decode((name, options)) for event in answer.trace]
        assert kind in events


def test_measuring_changes_no_answer_and_no_count():
    for sampler in (("random", {"k": 3}), ("threshold", {"gamma": 0.3}), ("confidence", {"k": 8})):
        for temperature in (0.0, 1.0):
            measured = decode(sampler, temperature=temperature)
            plain = decode(sampler, temperature=temperature, measure_gap=False)
            assert [row.gap for row in plain] == [row.nfe_gap for row in plain] == [None] * len(plain)
            bare = [replace(row, gap=None, nfe_gap=None, seconds=None) for row in measured]
            assert bare == [replace(row, seconds=None) for row in plain]


def test_the_gap_does_not_depend_on_the_batch():
    alone = decode(("random", {"k": 4}), batch_size=1)
    together = decode(("random", {"k": 4}), batch_size=8)
    for one, other in zip(alone, together, strict=True):
        assert one.gap == pytest.approx(other.gap, abs=1e-5)


def test_one_token_a_step_has_no_gap_and_costs_nothing():
    for answer in decode(("confidence", {"k": 1})):
        assert answer.gap == (0.0,) * 8
        assert answer.nfe_gap == 0


def paired(canvas, row: int, position: int) -> torch.Tensor:
    """Two positions that are 3 or 4 with equal chances, and alike nine times out of ten."""
    other = int(canvas.ids[row, canvas.answer_start + 1 - position])
    chances = {MASK: (0.5, 0.5), 3: (0.9, 0.1), 4: (0.1, 0.9)}[other]
    logits = torch.full((VOCAB,), -math.inf)
    logits[3:5] = torch.tensor(chances).log()
    return logits


def test_tokens_that_agree_and_tokens_that_do_not_by_hand():
    own = [sample(i, gen_length=2) for i in range(40)]
    answers = decode(("random", {"k": 2}), paired, own, temperature=1.0)
    for answer in answers:
        alike = answer.output_ids[0] == answer.output_ids[1]
        assert sum(answer.gap) == pytest.approx(math.log2(0.9 / 0.5) if alike else math.log2(0.1 / 0.5))
        assert answer.nfe_gap == 1
    assert len({answer.output_ids for answer in answers}) == 4


def broken_later(canvas, row: int, position: int) -> torch.Tensor:
    """NaN as soon as anything is committed."""
    blank = bool((canvas.ids[row, canvas.answer_start :] == MASK).all())
    return torch.linspace(0, 1, VOCAB) if blank else torch.full((VOCAB,), math.nan)


def test_what_the_model_cannot_say_is_unknown_and_fails_no_answer():
    (answer,) = decode(("confidence", {"k": 2}), broken_later, [sample(0, gen_length=2)])
    assert (answer.status, answer.gap, answer.nfe_gap) == ("ok", (0.0, None), 1)


def ending(canvas, row: int, position: int) -> torch.Tensor:
    logits = torch.zeros(VOCAB)
    logits[EOS if position == 2 else 5] = 9.0 - position
    return logits


def test_what_an_end_fills_up_adds_nothing():
    (answer,) = decode(("left-to-right", {"k": 3}), ending, [sample(0)], eos="stop")
    assert answer.gap[0] == 0.0
    assert answer.gap[1:3] == pytest.approx((0.0, 0.0), abs=1e-5)
    assert answer.gap[3:] == (0.0,) * 5
    assert answer.nfe_gap == 2


def test_a_cache_is_refused_because_its_marginals_are_stale():
    with pytest.raises(UsageError, match=r"--measure-gap .* --cache dual"):
        Engine(
            Scripted(hashed),
            make_sampler("confidence", {"k": 2}),
            8,
            EngineOptions(4, cache="dual", measure_gap=True),
        )
