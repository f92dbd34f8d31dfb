"""The oracle behind the Denoiser protocol: it answers the built tasks, under every sampler, in any batch."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import islice, pairwise

import pytest
import torch

from pbench.decode import Engine, EngineOptions, fit_sample
from pbench.decode.canvas import BatchCanvas, with_shadow
from pbench.errors import UsageError
from pbench.interfaces import Denoiser, SampleWriter, Verifier
from pbench.metrics import MetricTools, score_many
from pbench.models import find_model, load_model
from pbench.models.oracle import TIE_NOISE, OracleDenoiser
from pbench.models.oracle_marginals import EOS, FIRST_ITEM, MASK
from pbench.models.oracle_questions import Kind, read_question
from pbench.records import Sample
from pbench.samplers import SAMPLERS, make_sampler
from pbench.samplers.frequencies import FrequencyTable
from pbench.tasks import generate, load_suite

SPECS = {
    spec.name: spec
    for suite in ("waiting_line", "puzzle", "list_lab", "extras", "waiting_line_n20", "chain_of_thought")
    for spec in load_suite(suite).tasks
}
KNOWN = [name for name in SPECS if OracleDenoiser().supports(name) is None and "latin_square_n5" not in name]


@cache
def samples(task: str, count: int = 4) -> tuple[Sample, ...]:
    every = list(islice(generate(SPECS[task]), 60))
    return tuple(every[:: max(1, len(every) // count)][:count])


def sample_of(
    metric: str, answer, gen_length: int = 4, index: int = 0, task: str = "t", **metadata
) -> Sample:
    return Sample(
        sample_id=f"{task}/{index}", task=task, category="c", index=index, messages=(), answer=answer,
        gen_length=gen_length, metric=metric, headline="score", metadata=metadata,
    )  # fmt: skip


SHUFFLE = {"input": ["a", "b", "c", "d"]}
REPLACE = {"input": ["a", "b", "c", "d"], "word": "new"}


def decode(questions, sampler="confidence", options=None, **engine):
    oracle = OracleDenoiser(items=40)
    chosen = make_sampler(sampler, {"k": 1} if options is None else options)
    run = Engine(
        oracle, chosen, questions[0].gen_length, EngineOptions(**engine),
        verifier=oracle if chosen.traits.verifier else None,
    )  # fmt: skip
    return sorted(run.run(questions), key=lambda answer: (answer.sample.task, answer.sample.index))


def scores(answers) -> list[float]:
    found = []
    for answer in answers:
        assert answer.status == "ok", answer.error
        [(values, _)] = score_many(
            answer.sample.metric, [answer.output_text], [answer.sample.answer], MetricTools()
        )
        found.append(values[answer.sample.headline])
    return found


def shown(oracle, questions, answers):
    """A canvas with these answer ids, and all its positions."""
    width = len(answers[0])
    canvas = BatchCanvas(width, oracle.mask_token_id, oracle.pad_token_id, oracle.device)
    canvas.extend([oracle.encode(question) for question in questions], answers)
    rows, places = torch.meshgrid(torch.arange(len(answers)), torch.arange(width), indexing="ij")
    return canvas, torch.stack([rows, places + canvas.answer_start], dim=-1).reshape(-1, 2)


def test_it_is_a_model_with_a_name():
    oracle = load_model(find_model("oracle"), "cpu")
    assert isinstance(oracle, Denoiser)
    assert isinstance(oracle, SampleWriter)
    assert isinstance(oracle, Verifier)
    assert oracle.identity["name"] == "oracle"


@pytest.mark.parametrize("task", KNOWN)
def test_one_token_a_step_answers_every_task_it_knows(task):
    questions = [replace(sample, gen_length=min(sample.gen_length, 128)) for sample in samples(task)]
    answers = decode(questions, "threshold", {"gamma": 1.0})
    assert scores(answers) == [1.0] * len(questions)


@pytest.mark.parametrize(
    "task", ["paraphrase_summarize/samsum", "words_to_sentence/easy", "extras/domino", "extras/math_op"]
)
def test_tasks_without_a_known_distribution_are_refused_by_name(task):
    assert "Latin squares" in str(OracleDenoiser().supports(task))


@pytest.mark.parametrize("count", [1, 3, 7])
def test_infilling_asks_for_items_alone(count):
    oracle = OracleDenoiser()
    questions = [fit_sample(sample, oracle, None) for sample in samples("list_lab/insert_random", count)]
    for question in questions:
        assert question.gen_length == len(question.answer["input"].split(",")) + 1
        [answer] = decode([question], infill=True)
        assert scores([answer]) == [1.0]
        assert answer.content_length == question.gen_length


SETTINGS = {
    "pc": {
        "k": 2,
        "frequencies": FrequencyTable(
            model="oracle", tokenizer="items", vocab_size=4, source="none", counts={0: 1}
        ),
    },
    "origin": {"steps": 4},
    "factor": {"factor": 1.0},
    "frechet": {"delta": 0.05},
    "dilated": {},
    "credit": {},
    "entropy-bounded": {"entropy_bound": 0.5},
    "apd": {"mixture": 0.5},
    **{
        name: {"k": 2}
        for name in ("random", "left-to-right", "confidence", "margin", "entropy", "remdm", "rcr")
    },
}


@pytest.mark.parametrize("name", SAMPLERS.names())
@pytest.mark.parametrize("min_gap", [None, 2])
def test_every_sampler_decodes_it_and_a_batch_gives_what_single_rows_give(name, min_gap):
    options = SETTINGS.get(name, {"gamma": 0.8}) | ({} if min_gap is None else {"min_gap": min_gap})
    tasks = ("waiting_line/copy", "waiting_line/shuffle", "waiting_line/insert_random", "waiting_line/sort")
    questions = [replace(sample, gen_length=8) for task in tasks for sample in samples(task, 2)]
    together = decode(questions, name, options, batch_size=8, temperature=0.5)
    assert all(answer.status == "ok" for answer in together)
    for answer in together[:: 2 if min_gap else 1]:
        [alone] = decode([answer.sample], name, options, batch_size=1, temperature=0.5)
        assert (alone.output_ids, alone.commit_step, alone.nfe, alone.output_text) == (
            answer.output_ids, answer.commit_step, answer.nfe, answer.output_text,
        )  # fmt: skip
    if min_gap is None:
        assert all(
            score == 1.0
            for answer, score in zip(together, scores(together), strict=True)
            if answer.sample.metric == "list_match"
        )


@pytest.mark.parametrize("block_length", [1, 2, 4, 8])
def test_semi_autoregressive_blocks_go_from_left_to_right(block_length):
    questions = [replace(sample, gen_length=8) for sample in samples("waiting_line/shuffle")]
    answers = decode(questions, "confidence", {"k": 1}, block_length=block_length)
    assert scores(answers) == [1.0] * len(answers)
    for answer in answers:
        blocks = [answer.commit_step[at : at + block_length] for at in range(0, 8, block_length)]
        assert all(max(left) < min(right) for left, right in pairwise(blocks))


def test_noise_breaks_ties_anew_in_every_state_and_otherwise_changes_nothing():
    oracle = OracleDenoiser(items=6)
    questions = [sample_of("list_shuffle", SHUFFLE, index=i, any_order=True) for i in range(500)]
    canvas, every = shown(oracle, questions, [[MASK] * 4] * 500)
    logits = oracle.logits(canvas, every).view(500, 4, -1)[:, :, FIRST_ITEM : FIRST_ITEM + 4]
    noise = logits - torch.tensor(0.25).log()
    assert noise.abs().max() <= TIE_NOISE + 1e-6
    assert abs(float(noise.mean())) < TIE_NOISE / 20
    pairs = torch.corrcoef(noise.reshape(500, 16).T).fill_diagonal_(0.0)
    assert pairs.abs().max() < 0.25  # 16 numbers of a sample, all independent
    best = logits.argmax(2)
    counts = torch.bincount(best.flatten(), minlength=4) / 2000
    assert (counts - 0.25).abs().max() < 0.04
    canvas, every = shown(oracle, questions, [[FIRST_ITEM + 3, MASK, MASK, MASK]] * 500)
    later = oracle.logits(canvas, every).view(500, 4, -1)[:, :, FIRST_ITEM : FIRST_ITEM + 3]
    same = (later.argmax(2) == logits[:, :, :3].argmax(2))[:, 1:].float().mean()
    assert 0.2 < float(same) < 0.47


def test_the_noise_is_the_sample_s_own():
    oracle, other = OracleDenoiser(items=6), OracleDenoiser(items=6, seed=1)
    question = sample_of("list_shuffle", SHUFFLE)
    found = []
    for model, sample in (
        (oracle, question),
        (oracle, replace(question, index=1)),
        (oracle, replace(question, task="u")),
        (other, question),
        (oracle, question),
    ):
        canvas, every = shown(model, [sample], [[MASK] * 4])
        found.append(model.logits(canvas, every))
    assert torch.equal(found[0], found[4])
    assert all(not torch.equal(found[0], one) for one in found[1:4])


def test_a_larger_vocabulary_changes_no_number():
    question = sample_of("list_shuffle", SHUFFLE)
    small, large = OracleDenoiser(items=4), OracleDenoiser(items=50)
    canvas, every = shown(small, [question], [[MASK, FIRST_ITEM, MASK, MASK]])
    few, many = small.logits(canvas, every), large.logits(canvas, every)
    assert torch.equal(few, many[:, : few.shape[1]])
    assert many[:, few.shape[1] :].isneginf().all()


def test_a_shadow_does_not_see_the_token_that_it_mirrors():
    oracle = OracleDenoiser(items=6)
    a, b, c, d = range(FIRST_ITEM, FIRST_ITEM + 4)
    canvas, _ = shown(oracle, [sample_of("list_shuffle", SHUFFLE, any_order=True)], [[d, c, MASK, a]])
    columns = torch.arange(4).unsqueeze(0)
    beside = with_shadow(canvas, columns)
    shadow = torch.tensor([[0, canvas.length + place] for place in range(4)])
    probabilities = oracle.logits(beside, shadow).softmax(1)
    expected = torch.zeros(4, FIRST_ITEM + 6)
    for place, unused in enumerate([(b, d), (b, c), (b,), (a, b)]):
        expected[place, list(unused)] = 1 / len(unused)
    torch.testing.assert_close(probabilities, expected, atol=2e-3, rtol=0)
    plain = torch.tensor([[0, canvas.answer_start + 2]])
    assert oracle.logits(beside, plain).argmax() == b


def test_as_a_verifier_it_reads_from_the_left_alone():
    oracle = OracleDenoiser(items=6)
    word = FIRST_ITEM + 4
    canvas, every = shown(
        oracle, [sample_of("list_random_replace", REPLACE)], [[MASK, FIRST_ITEM + 1, FIRST_ITEM + 2, word]]
    )
    shares = oracle.log_probs(canvas, every).exp()[:, word]
    torch.testing.assert_close(shares, torch.tensor([1 / 4, 1 / 4, 1 / 3, 1 / 2]), atol=1e-3, rtol=0)


def test_what_is_behind_the_answer_is_eos():
    oracle = OracleDenoiser(items=6)
    canvas, every = shown(oracle, [sample_of("list_match", ["a", "b"])], [[MASK] * 4])
    best = oracle.logits(canvas, every).softmax(1).max(1)
    assert best.indices.tolist() == [FIRST_ITEM, FIRST_ITEM + 1, EOS, EOS]
    assert best.values.tolist() == [1.0] * 4  # exactly: a threshold of 1.0 lets them pass


@pytest.mark.parametrize(
    ("sample", "why"),
    [
        (sample_of("rouge", "text"), "not known"),
        (sample_of("list_match", "no list"), "none of 'list_match'"),
        (sample_of("list_match", list("abcdef")), "do not fit into gen_length 4"),
        (sample_of("list_match", list("abcdefgh"), 8), "counts to 6"),
        (sample_of("list_shuffle", {"input": ["a"]}), "2 or more"),
        (sample_of("list_shuffle", {"input": ["a", "a"]}), "all different"),
        (sample_of("list_shuffle", {}), "KeyError"),
        (sample_of("list_random_insert", {"input": ["a"], "word": ["x", "y"]}), "one word"),
        (sample_of("list_random_insert", {"input": ["a"], "word": "a"}), "all different"),
        (sample_of("list_random_remove", {"input": ["a", "b", "c"], "n_words": 2}), "one item, not 2"),
        (sample_of("latin_square", {"symbols": list("12345"), "size": 5}, 25), "up to 4 symbols"),
        (sample_of("sudoku", "1100\n0000\n0000\n0000", 16), "no solution"),
        (sample_of("sudoku", "12", 16), "ValueError"),
    ],
)
def test_what_it_cannot_know_is_said_of_each_sample(sample, why):
    with pytest.raises(UsageError, match=why):
        OracleDenoiser(items=6).encode(sample)


def test_a_sample_it_cannot_read_is_a_row_with_an_error():
    good = sample_of("list_shuffle", SHUFFLE)
    answers = decode([good, sample_of("list_shuffle", {"input": ["a", "a"]}, index=1)])
    assert [answer.status for answer in answers] == ["ok", "error"]
    assert answers[1].error_kind == "prompt"


def test_a_first_row_that_is_told_is_kept():
    answer = {"symbols": ["1", "2", "3"], "size": 3, "first_row": "3,1,2"}
    question = read_question(sample_of("latin_square", answer, 9))
    assert question.kind == Kind.LATIN
    assert question.given[:4] == (2, 0, 1, -1)
    [found] = decode([sample_of("latin_square", answer, 9)])
    assert found.output_text.startswith("3,1,2\n")
    assert scores([found]) == [1.0]


def test_without_a_sample_ids_are_items_by_number():
    assert OracleDenoiser().decode([FIRST_ITEM + 1, FIRST_ITEM, EOS]) == '["#2", "#1"]'


def test_there_is_no_cache():
    with pytest.raises(UsageError, match="key-value cache"):
        decode([sample_of("list_shuffle", SHUFFLE)], cache="prefix", block_length=2)
