"""What a sampler sees of a step, and what it may ask for: through the engine, on scripted logits."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from pbench.decode import Engine, EngineOptions
from pbench.errors import PbenchError, UsageError
from pbench.interfaces import Capabilities, Selection, Traits
from pbench.samplers.policy import Policy
from tests.scripted import EOS, MASK, PAD, VOCAB, Scripted, hashed, sample, sure


class Looking(Policy):
    """Commits two positions a step from the left and keeps every step that it saw."""

    name = "looking"
    traits = Traits(sees_committed=True)

    def __init__(self, traits=None):
        super().__init__(None)
        self.seen = []
        if traits is not None:
            self.traits = traits

    def select(self, step):
        self.seen.append(step)
        return Selection(step.to_unmask & (step.to_unmask.cumsum(1) <= 2))


def run(sampler, script=hashed, samples=None, denoiser=None, verifier=None, gen_length=8, **options):
    samples = [sample(0, gen_length=gen_length)] if samples is None else samples
    engine = Engine(denoiser or Scripted(script), sampler, gen_length, EngineOptions(**options), verifier)
    return list(engine.run(samples))


def given_first(engine_answer: list[int]):
    class Given(Engine):
        def _blank(self, sample):
            return engine_answer

    return Given


def test_committed_positions_are_seen_but_are_no_candidates():
    looking = Looking()
    run(looking, sure)
    step = looking.seen[1]
    assert step.to_unmask.tolist() == [[False] * 2 + [True] * 6]
    assert step.index.tolist() == [[0, position] for position in range(8)]
    assert step.log_probs.shape == (8, VOCAB)
    assert step.confidence[0, :2].tolist() == step.margin[0, :2].tolist() == [-math.inf] * 2
    assert step.entropy[0, :2].tolist() == [math.inf] * 2
    assert bool((step.top_probability[0] > 0.9).all())
    assert torch.equal(step.top_probability[0, 2:], step.confidence[0, 2:])
    assert step.proposal[0].tolist() == [3 + position for position in range(8)]


def test_without_asking_for_them_committed_positions_have_no_logits():
    looking = Looking(Traits())
    run(looking, sure)
    step = looking.seen[1]
    assert step.index[:, 1].tolist() == list(range(2, 8))
    assert step.top_probability[0, :2].tolist() == [-math.inf] * 2


def test_given_positions_are_never_asked_for():
    looking = Looking()
    engine = given_first([7, MASK, MASK, 8, MASK, MASK, MASK, MASK])(
        Scripted(hashed), looking, 8, EngineOptions()
    )
    (answer,) = engine.run([sample(0)])
    assert all(set(step.index[:, 1].tolist()) == {1, 2, 4, 5, 6, 7} for step in looking.seen)
    assert looking.seen[0].fixed.tolist()[0] == [True, False, False, True] + [False] * 4
    assert looking.seen[0].plans[0].masks == 6
    assert answer.commit_step == (0, 1, 1, 0, 2, 2, 3, 3)


def test_at_a_temperature_committed_positions_keep_the_most_probable_token():
    looking = Looking()
    run(looking, temperature=2.0, samples=[sample(i) for i in range(20)])
    for step in looking.seen:
        best = step.log_probs.argmax(1)
        rows, places = step.index.unbind(1)
        committed = ~step.to_unmask[rows, places]
        assert torch.equal(step.proposal[rows, places][committed], best[committed])
    assert any(not torch.equal(step.proposal[rows, places], best) for step in looking.seen[:1])


def test_plans_say_which_block_a_row_is_in():
    looking = Looking(Traits())
    run(looking, block_length=4)
    assert [(step.plans[0].index, step.plans[0].blocks, step.numbers[0]) for step in looking.seen] == [
        (0, 2, 0),
        (0, 2, 1),
        (1, 2, 0),
        (1, 2, 1),
    ]


def half(canvas, row, position):
    """bfloat16 logits whose best probability is 0.9990, which bfloat16 rounds to 1."""
    logits = torch.full((VOCAB,), -torch.inf, dtype=torch.bfloat16)
    logits[4], logits[5] = 7.0, 0.0625
    return logits


@pytest.mark.parametrize(("compat", "confidence"), [(None, 0.99903), ("parallelbench", 1.0)])
def test_compat_rounds_probabilities_to_the_logits_dtype(compat, confidence):
    looking = Looking()
    (answer,) = run(looking, half, compat=compat)
    step = looking.seen[0]
    assert step.compat is (compat is not None)
    assert step.confidence.dtype == step.margin.dtype == step.entropy.dtype == torch.float32
    assert step.confidence[0, 0].item() == pytest.approx(confidence, abs=1e-5)
    assert (step.confidence[0, 0].item() == 1.0) is (compat is not None)
    assert answer.trace[0].confidence == step.confidence[0, 0].item()
    second = 1 / (1 + math.exp(6.9375))  # 0.00097, which bfloat16 keeps to three digits
    assert step.margin[0, 0].item() == pytest.approx(confidence - second, abs=1e-5)
    assert step.log_probs[0, 4].item() == pytest.approx(math.log(confidence), abs=1e-5)
    surprise = -confidence * math.log(confidence) - second * math.log(second)
    assert step.entropy[0, 0].item() == pytest.approx(surprise, abs=1e-4)


class Editing(Policy):
    """Fills the block from the left, then rewrites position 0 twice and says so much is enough."""

    name = "editing"
    traits = Traits(sees_committed=True, may_edit=True, may_continue=True, may_idle=True)

    def max_steps(self, block):
        return 20

    def select(self, step):
        full = ~step.to_unmask.any(1)
        commit = step.to_unmask & (step.to_unmask.cumsum(1) <= 4)
        tokens = step.proposal.clone()
        commit[full, 0] = True
        tokens[full, 0] = torch.tensor([4 + number for number in step.numbers])[full]
        done = full & torch.tensor([number >= 3 for number in step.numbers])
        scores = torch.full(tokens.shape, 0.25)
        return Selection(commit, tokens, done=done, confidence=scores)


def test_a_block_may_go_on_after_its_last_mask_and_edits_are_events():
    (answer,) = run(Editing(None))
    assert [event.event for event in answer.trace] == ["commit"] * 8 + ["edit"] * 2
    assert [event.step for event in answer.trace] == [1] * 4 + [2] * 4 + [3, 4]
    assert answer.output_ids[0] == 7
    assert answer.commit_step[:2] == (4, 1)
    assert answer.nfe == 4
    assert {event.confidence for event in answer.trace} == {0.25}


def test_the_next_block_waits_until_the_sampler_lets_go():
    answers = run(
        Editing(None), block_length=4, samples=[sample(i, "a" * i) for i in range(1, 4)], batch_size=2
    )
    for answer in answers:
        # Forwards of a block: one fills it, two are not asked to be the last, the fourth is.
        assert answer.nfe == 8
        assert max(answer.commit_step[:4]) == 4
        assert max(answer.commit_step[4:]) == 8


def test_a_sampler_that_never_lets_go_is_stopped_by_its_own_bound():
    class Endless(Editing):
        def select(self, step):
            return replace(super().select(step), done=torch.zeros(1, dtype=torch.bool))

    (answer,) = run(Endless(None))
    assert (answer.status, answer.nfe) == ("ok", 20)


def test_rewriting_a_token_by_itself_is_no_edit():
    class Same(Editing):
        def select(self, step):
            return replace(
                super().select(step), tokens=torch.where(step.to_unmask, step.proposal, step.tokens)
            )

    (answer,) = run(Same(None))
    assert [event.event for event in answer.trace] == ["commit"] * 8


def test_edits_without_the_trait_are_a_bug():
    class Sneaky(Editing):
        name = "sneaky"
        traits = Traits(sees_committed=True, may_continue=True)

    with pytest.raises(PbenchError, match="a bug in sampler 'sneaky'"):
        run(Sneaky(None))


class Shadowed(Looking):
    name = "shadowed"
    traits = Traits(shadow=True, may_remask=True)


def test_asking_for_a_verifier_without_the_trait_is_a_bug():
    class Asking(Looking):
        def select(self, step):
            step.verifier_log_probs(step.proposal)

    with pytest.raises(PbenchError, match="a bug in a sampler: it asks for a verifier"):
        run(Asking())


def test_the_shadow_is_scored_at_committed_positions_and_leaves_the_rest_alone():
    bare, shadowed = Looking(Traits()), Shadowed()
    samples = [sample(i, "ab" * (i + 1)) for i in range(3)]
    plain, looked = (
        {a.sample.sample_id: a for a in run(each, samples=samples, block_length=4, batch_size=2)}
        for each in (bare, shadowed)
    )
    for name, answer in plain.items():
        assert looked[name].output_ids == answer.output_ids
        assert [event[:4] for event in looked[name].trace] == [event[:4] for event in answer.trace]
        assert looked[name].query_tokens == answer.query_tokens + 4 * answer.nfe
        assert looked[name].kv_tokens == looked[name].query_tokens
    for step in shadowed.seen:
        probability = step.shadow_probability
        assert bool((probability[step.to_unmask] == math.inf).all())
        assert bool((probability[~step.to_unmask] < 1).all())


def test_a_mask_in_the_shadow_sees_all_but_the_token_that_it_mirrors():
    """The scripted model answers by what it sees: build that by hand and ask it the same."""
    shadowed = Shadowed()
    run(shadowed, hashed, block_length=4, samples=[sample(0, "abc")])
    step = shadowed.seen[1]
    prompt = Scripted(hashed).encode(sample(0, "abc"))

    class Seen:
        ids = torch.tensor(
            [[*prompt, *[int(t) for i, t in enumerate(step.tokens[0]) if i != 1], *[MASK] * 4, *[MASK] * 4]]
        )
        attention_mask = torch.ones_like(ids, dtype=torch.bool)

    logits = hashed(Seen, 0, 1)
    logits[MASK] = -torch.inf
    expected = logits.softmax(0)[step.tokens[0, 1]].item()
    assert step.shadow_probability[0, 1].item() == pytest.approx(expected, rel=1e-5)


def test_infinite_logits_of_the_shadow_alone_fail_the_row_too():
    def broken(canvas, row, position):
        shadow = not bool(canvas.attention_mask[row].all()) and canvas.ids.shape[1] > 11
        mirrored = canvas.attention_mask[row, 11:].any() if shadow else torch.tensor(False)
        return hashed(canvas, row, position) * (float("nan") if bool(mirrored) else 1.0)

    (answer,) = run(Shadowed(), broken)
    assert (answer.status, answer.error_kind) == ("error", "non_finite")


class Reader:
    name = "reader"
    identity = {"name": "reader"}  # noqa: RUF012

    def __init__(self, vocab_size=VOCAB):
        self.vocab_size = vocab_size
        self.calls = []

    def log_probs(self, canvas, positions):
        self.calls.append((canvas.ids.clone(), positions.clone()))
        logits = torch.zeros(len(positions), self.vocab_size)
        logits[:, 6] = 5.0
        return logits.log_softmax(1)


class Verified(Looking):
    name = "verified"
    traits = Traits(verifier=True)

    def select(self, step):
        draft = torch.where(step.to_unmask, step.proposal, step.tokens)
        tokens = step.proposal.clone()
        tokens[step.index.unbind(1)] = step.verifier_log_probs(draft).argmax(1)
        return replace(super().select(step), tokens=tokens)


def test_a_verifier_sees_the_draft_and_its_forwards_are_counted_apart():
    reader = Reader()
    (answer,) = run(Verified(), verifier=reader)
    assert answer.output_ids == (6,) * 8
    assert (answer.nfe, answer.nfe_aux, len(reader.calls)) == (4, 4, 4)
    for number, (ids, positions) in enumerate(reader.calls):
        assert MASK not in ids.tolist()[0]
        assert positions.tolist() == [[0, column] for column in range(3 + 2 * number, 11)]


@pytest.mark.parametrize("vocab_size", [VOCAB - 3, VOCAB + 3])
def test_a_verifier_of_another_vocabulary_size_is_cut_or_filled_up(vocab_size):
    (answer,) = run(Verified(), verifier=Reader(vocab_size))
    assert answer.output_ids == (6,) * 8


@pytest.mark.parametrize(
    ("traits", "capabilities", "words"),
    [
        (Traits(shadow=True), Capabilities(96), "'looking' needs arbitrary attention masks"),
        (Traits(shadow=True), Capabilities(96, arbitrary_mask=True), "'looking' needs free position ids"),
        (Traits(needs=frozenset({"block_causal"})), Capabilities(96), "needs block-causal attention, which"),
        (Traits(), Capabilities(96, masked=False), "needs a mask token, which model 'scripted' does not"),
        (Traits(needs=frozenset({"x"})), Capabilities(96), "needs x, which"),
        (Traits(verifier=True), Capabilities(96), "'looking' needs a verifier"),
    ],
)
def test_what_the_model_cannot_do_is_refused_before_any_forward(traits, capabilities, words):
    denoiser = Scripted(hashed)
    denoiser.capabilities = capabilities
    with pytest.raises(UsageError, match=words):
        run(Looking(traits), denoiser=denoiser)
    assert denoiser.forwards == 0


@pytest.mark.parametrize("end", [EOS, PAD])
def test_penalised_ends_rank_lower_and_nothing_else_changes(end):
    def ending(canvas, row, position):
        logits = torch.zeros(VOCAB)
        logits[end if position == 3 else 5] = 4.0
        return logits

    steps = []
    for eos in ("none", "penalise"):
        looking = Looking()
        run(looking, ending, eos=eos)
        steps.append(looking.seen[0])
    free, penalised = steps
    others = [position for position in range(8) if position != 3]
    for score in ("confidence", "margin", "entropy"):
        assert torch.equal(getattr(free, score)[0, others], getattr(penalised, score)[0, others])
    assert penalised.confidence[0, 3].item() == pytest.approx(free.confidence[0, 3].item() / 2)
    assert penalised.margin[0, 3].item() == pytest.approx(free.margin[0, 3].item() / 2)
    assert penalised.entropy[0, 3].item() == pytest.approx(free.entropy[0, 3].item() + math.log(2))
    assert torch.equal(free.log_probs, penalised.log_probs)
    assert torch.equal(free.top_probability, penalised.top_probability)
