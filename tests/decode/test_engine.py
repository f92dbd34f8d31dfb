"""The engine on a scripted denoiser: counts, traces, invariance, and what it refuses."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pbench.decode import Engine, EngineOptions, nfe_bound
from pbench.decode import engine as engine_module
from pbench.errors import PbenchError, UsageError
from pbench.interfaces import Selection, Traits
from pbench.records import Generation
from pbench.samplers import make_sampler
from pbench.samplers.policy import Policy
from tests.scripted import MASK, VOCAB, Scripted, hashed, sample, sure

SAMPLERS = [
    ("random", {"k": 3}),
    ("left-to-right", {"k": 2}),
    ("confidence", {"k": 1}),
    ("confidence", {"steps": 4}),
    ("margin", {"k": 2}),
    ("entropy", {"k": 5}),
    ("threshold", {"gamma": 0.6}),
    ("factor", {"factor": 1.3}),
]
PROMPTS = ["a", "abcdef", "zz", "hello there", "b", "cab", "abcabcabc", "q"]


def decode(sampler, samples, script=hashed, **options) -> dict[str, Generation]:
    gen_length = samples[0].gen_length
    engine = Engine(Scripted(script), make_sampler(*sampler), gen_length, EngineOptions(**options))
    return {answer.sample.sample_id: answer for answer in engine.run(samples)}


def essence(answer: Generation) -> Generation:
    return replace(answer, seconds=None)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("block_length", [None, 4])
def test_batch_neighbours_padding_and_order_change_nothing(sampler, temperature, block_length):
    if block_length == 4 and sampler[1].get("k", 0) > 4:
        sampler = (sampler[0], {"k": 4})
    samples = [sample(i, prompt) for i, prompt in enumerate(PROMPTS)]
    options = {"temperature": temperature, "block_length": block_length}
    alone = decode(sampler, samples, batch_size=1, **options)
    for size, order in ((3, samples), (8, samples), (3, samples[::-1])):
        together = decode(sampler, order, batch_size=size, **options)
        assert {k: essence(v) for k, v in together.items()} == {k: essence(v) for k, v in alone.items()}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_position_is_committed_once_and_counted(sampler):
    denoiser = Scripted(hashed)
    engine = Engine(denoiser, make_sampler(*sampler), 8, EngineOptions(batch_size=1))
    (answer,) = engine.run([sample(0)])
    assert answer.status == "ok"
    assert answer.nfe == denoiser.forwards == max(answer.commit_step)
    assert sorted(event.position for event in answer.trace) == list(range(8))
    assert {event.step for event in answer.trace} == set(range(1, answer.nfe + 1))
    assert MASK not in answer.output_ids
    assert [answer.output_ids[event.position] for event in answer.trace] == [e.token_id for e in answer.trace]
    assert answer.query_tokens == answer.nfe * (3 + 8)
    assert nfe_bound([sample(0)], make_sampler(*sampler), None) >= answer.nfe


def test_only_masked_positions_of_the_block_are_asked_for():
    denoiser = Scripted(hashed)
    list(Engine(denoiser, make_sampler("confidence", {"k": 1}), 8, EngineOptions(4)).run([sample(0)]))
    assert denoiser.asked == 2 * (4 + 3 + 2 + 1)


def test_blocks_are_finished_from_left_to_right():
    answer = decode(("random", {"k": 1}), [sample(0)], block_length=2)["test/scripted/0"]
    positions = [event.position // 2 for event in answer.trace]
    assert positions == sorted(positions)


def test_block_length_one_is_left_to_right_for_all():
    for name, options in SAMPLERS:
        single = {"k": 1} if "k" in options else {"steps": 8} if "steps" in options else options
        answer = decode((name, single), [sample(0)], block_length=1)["test/scripted/0"]
        assert [event.position for event in answer.trace] == list(range(8))


def test_temperature_zero_does_not_depend_on_the_seed_but_random_order_does():
    answers = [decode(("confidence", {"k": 2}), [sample(0)], seed=seed) for seed in (1, 2)]
    assert replace(answers[0]["test/scripted/0"], seed=0, seconds=None) == replace(
        answers[1]["test/scripted/0"], seed=0, seconds=None
    )
    orders = {
        decode(("random", {"k": 1}), [sample(0)], seed=s)["test/scripted/0"].commit_step for s in range(4)
    }
    assert len(orders) == 4


def test_temperature_draws_from_the_models_distribution():
    def skewed(canvas, row, position):
        logits = torch.full((VOCAB,), -torch.inf)
        logits[5], logits[6] = torch.tensor([0.25, 0.75]).log()
        return logits

    samples = [sample(i) for i in range(250)]
    answers = decode(("confidence", {"k": 8}), samples, skewed, temperature=1.0, batch_size=250)
    drawn = [token for answer in answers.values() for token in answer.output_ids]
    assert set(drawn) == {5, 6}
    assert abs(drawn.count(6) / len(drawn) - 0.75) < 0.04  # 4 standard errors of 2,000 draws


def test_a_script_is_followed_to_the_letter():
    answer = decode(("threshold", {"gamma": 0.9}), [sample(0)], sure)["test/scripted/0"]
    assert answer.output_text == "abcdefgh"
    assert answer.nfe == 1
    assert decode(("confidence", {"k": 3}), [sample(0)], sure)["test/scripted/0"].commit_step == (
        1,
        1,
        1,
        2,
        2,
        2,
        3,
        3,
    )


def test_content_length_ends_at_the_first_eos():
    def short(canvas, row, position):
        logits = torch.zeros(VOCAB)
        logits[4 if position < 3 else 2] = 9.0
        return logits

    answer = decode(("confidence", {"k": 8}), [sample(0)], short)["test/scripted/0"]
    assert (answer.content_length, answer.output_text) == (3, "bbb")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_row_with_non_finite_logits_fails_alone(bad, sampler):
    def broken(canvas, row, position):
        logits = hashed(canvas, row, position)
        if canvas.prompt_lengths[row] == 1 and (canvas.ids[row] == MASK).sum() < 6:
            logits[4] = bad
        return logits

    samples = [sample(0, "abc"), sample(1, "a"), sample(2, "abcd")]
    answers = decode(sampler, samples, broken)
    if sampler[1].get("k", 0) < 8 and "gamma" not in sampler[1] and "factor" not in sampler[1]:
        assert answers["test/scripted/1"].status == "error"
        assert answers["test/scripted/1"].error_kind == "non_finite"
    good = decode(sampler, samples)
    for name in ("test/scripted/0", "test/scripted/2"):
        assert essence(answers[name]) == essence(good[name])


def test_a_row_with_non_finite_logits_fails_where_tokens_are_drawn_too():
    def broken(canvas, row, position):
        return torch.full((VOCAB,), torch.nan)

    (answer,) = decode(("confidence", {"k": 1}), [sample(0)], broken, temperature=1.0).values()
    assert (answer.error_kind, answer.nfe) == ("non_finite", 1)


def test_a_prompt_that_does_not_fit_is_an_error_row():
    lengths = (90, 3, 96 - 8 + 1, 96 - 8)  # the context has 96 positions, the answer 8
    answers = decode(("confidence", {"k": 8}), [sample(i, "a" * n) for i, n in enumerate(lengths)])
    kinds = [answers[f"test/scripted/{i}"].error_kind for i in range(4)]
    assert kinds == ["too_long", None, "too_long", None]


def test_no_more_rows_than_the_batch_size_are_decoded_together_and_no_place_stays_empty():
    rows = []

    def counting(canvas, row, position):
        rows.append(len(canvas.ids))
        return hashed(canvas, row, position)

    samples = [sample(i, "ab"[: 1 + i % 2]) for i in range(7)]
    decode(("threshold", {"gamma": 0.5}), samples, counting, batch_size=3)
    assert rows[0] == 3
    assert rows == sorted(rows, reverse=True)  # full until nothing waits


def test_the_seconds_of_a_forward_are_shared_among_its_rows(monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(engine_module.time, "perf_counter", lambda: float(next(ticks)))
    answers = decode(("confidence", {"k": 4}), [sample(0), sample(1)])
    assert [answer.seconds for answer in answers.values()] == [1.0, 1.0]  # two forwards, half a second each


class Lazy(Policy):
    """Selects nothing at all; the engine must still come to an end."""

    name = "lazy"
    traits = Traits()

    def select(self, step):
        return Selection(torch.zeros_like(step.to_unmask))


class Idle(Lazy):
    name = "idle"
    traits = Traits(may_idle=True)


class Greedy(Lazy):
    name = "greedy"

    def select(self, step):
        return Selection(torch.ones_like(step.to_unmask))


def test_progress_is_guaranteed_even_where_a_sampler_selects_nothing():
    engine = Engine(Scripted(hashed), Lazy(None), 8, EngineOptions())
    (answer,) = engine.run([sample(0)])
    assert answer.nfe == 8
    assert answer.status == "ok"


def test_a_sampler_that_idles_for_ever_ends_as_an_error_row():
    engine = Engine(Scripted(hashed), Idle(None), 8, EngineOptions())
    (answer,) = engine.run([sample(0)])
    assert (answer.status, answer.error_kind, answer.nfe) == ("error", "no_progress", 8)


def test_commits_on_positions_that_are_no_candidates_are_a_bug_said_aloud():
    engine = Engine(Scripted(hashed), Greedy(None), 8, EngineOptions())
    (answer,) = engine.run([sample(0)])
    assert answer.nfe == 1

    class Again(Policy):
        name = "again"

        def select(self, step):
            everything = torch.ones_like(step.to_unmask)
            first = torch.zeros_like(everything)
            first[:, 0] = True
            return Selection(first if step.numbers[0] == 0 else everything)

    with pytest.raises(PbenchError, match="a bug in sampler 'again'"):
        list(Engine(Scripted(hashed), Again(None), 8, EngineOptions()).run([sample(0)]))


class Remasker(Policy):
    """Commits left to right and takes back position 0 once."""

    name = "remasker"
    traits = Traits(may_remask=True)

    def plan_block(self, block):
        return {"done": False}

    def max_steps(self, block):
        return block.masks + 1

    def select(self, step):
        commit = torch.zeros_like(step.to_unmask)
        remask = torch.zeros_like(step.to_unmask)
        for row, state in enumerate(step.states):
            commit[row, int(step.to_unmask[row].nonzero()[-1])] = True
            if step.numbers[row] == 3 and not state["done"]:
                remask[row, -1] = state["done"] = True
        return Selection(commit, remask=remask)


def test_remasked_positions_are_masks_again_and_the_trace_balances():
    engine = Engine(Scripted(hashed), Remasker(None), 8, EngineOptions())
    (answer,) = engine.run([sample(0)])
    kinds = [event.event for event in answer.trace]
    assert kinds.count("commit") - kinds.count("remask") == 8
    assert answer.nfe == 9
    assert answer.commit_step[7] == 5


def test_taking_back_what_is_a_mask_is_a_bug_whatever_else_is_taken_back():
    class Careless(Remasker):
        name = "careless"

        def select(self, step):
            found = super().select(step)
            return replace(found, remask=torch.ones_like(found.commit) ^ found.commit)

    with pytest.raises(PbenchError, match="a bug in sampler 'careless': it remasks"):
        list(Engine(Scripted(hashed), Careless(None), 8, EngineOptions()).run([sample(0)]))


def test_lengths_that_do_not_fit_are_refused_before_any_forward():
    denoiser = Scripted(hashed)
    for block_length, sampler in ((3, {"k": 1}), (4, {"k": 5}), (4, {"steps": 3})):
        with pytest.raises(UsageError):
            Engine(denoiser, make_sampler("confidence", sampler), 8, EngineOptions(block_length))
    assert denoiser.forwards == 0


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.text("abcdef", min_size=1, max_size=20), min_size=1, max_size=6),
    st.sampled_from(SAMPLERS),
    st.integers(1, 7),
    st.integers(0, 3),
)
def test_any_batch_ends_with_every_sample_answered_once(prompts, sampler, batch_size, seed):
    samples = [sample(i, prompt) for i, prompt in enumerate(prompts)]
    answers = decode(sampler, samples, batch_size=batch_size, seed=seed)
    assert set(answers) == {s.sample_id for s in samples}
    assert all(a.nfe == max(a.commit_step) and MASK not in a.output_ids for a in answers.values())
