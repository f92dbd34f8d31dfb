"""What must hold for every sampler, and where two of them are the same rule.

CASES has at least one line for every registered sampler; a new sampler joins by a line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch

from pbench.decode import Engine, EngineOptions, nfe_bound
from pbench.errors import UsageError
from pbench.interfaces import Canvas
from pbench.records import Generation
from pbench.samplers import SAMPLERS, make_sampler
from pbench.samplers.frequencies import FrequencyTable
from tests.scripted import MASK, VOCAB, Scripted, hashed, sample

GEN_LENGTH = 8

FREQUENCIES = FrequencyTable(
    model="scripted", tokenizer="none", vocab_size=VOCAB, source="made up", counts={3: 6, 4: 3, 5: 1}
)
EQUAL_FREQUENCIES = FREQUENCIES.model_copy(update={"counts": dict.fromkeys(range(VOCAB), 1)})

# Name and options. `k`, `steps` and `remask_number` are fitted to the block by `fitted`.
CASES: list[tuple[str, dict[str, Any]]] = [
    ("random", {"k": 3}),
    ("left-to-right", {"k": 2}),
    ("confidence", {"k": 1}),
    ("confidence", {"steps": 8}),
    ("confidence", {"k": 3, "selection_temperature": 0.5}),
    ("margin", {"k": 2}),
    ("entropy", {"k": 5}),
    ("origin", {"steps": 8}),
    ("threshold", {"gamma": 0.6}),
    ("threshold", {"gamma": 0.3, "score": "margin", "comparison": "gt"}),
    ("factor", {"factor": 1.3}),
    ("frechet", {"delta": -0.2}),
    ("entropy-bounded", {"entropy_bound": 1.0}),
    ("klass", {"gamma": 0.3, "kl_threshold": 3.0}),
    ("dilated", {"skip_threshold": 0.5}),
    ("local-leap", {"gamma": 0.7, "relaxed_gamma": 0.4, "radius": 2}),
    ("hierarchical", {"gamma": 0.8, "low_gamma": 0.4}),
    ("credit", {"gamma": 0.6}),
    ("dynamic", {"gamma": 0.5}),
    ("slowfast", {"gamma": 0.5, "exploration_steps": 2}),
    ("wino", {"gamma": 0.3, "gamma_back": 0.6}),
    ("pc", {"k": 3, "frequencies": FREQUENCIES}),
    ("apd", {"mixture": 0.6, "verifier": "reader"}),
    ("joint-threshold", {"gamma": 0.4, "edit_gamma": 0.7}),
    ("remdm", {"k": 1, "remask_steps": 3, "remask_number": 2}),
    ("rcr", {"k": 2}),
    ("rcr", {"k": 3, "running": "last"}),
    ("confidence", {"k": 4, "min_gap": 2}),
    ("threshold", {"gamma": 0.2, "min_gap": 3}),
    ("origin", {"steps": 4, "min_gap": 2}),
    ("klass", {"gamma": 0.2, "kl_threshold": 9.0, "kl_history": 1, "min_gap": 2}),
    ("dilated", {"min_gap": 5}),
    ("wino", {"gamma": 0.2, "gamma_back": 0.8, "min_gap": 2}),
    ("remdm", {"k": 3, "remask_number": 3, "min_gap": 2}),
    ("rcr", {"k": 4, "min_gap": 2}),
    ("joint-threshold", {"gamma": 0.2, "edit_gamma": 0.5, "min_gap": 3}),
]
# Orders and draws that depend on the seed at temperature 0 too.
SEEDED = ("random", "origin")
PROMPTS = ("a", "hello there", "zz")
SAMPLES = tuple(sample(index, prompt, GEN_LENGTH) for index, prompt in enumerate(PROMPTS))

temperatures = pytest.mark.parametrize("temperature", [0.0, 1.0])
blocks = pytest.mark.parametrize("block_length", [None, 4, 1])


class Reader:
    """A verifier: log probabilities that depend on the tokens in front of a position."""

    name = "reader"
    identity: dict[str, Any] = {"name": "reader"}  # noqa: RUF012 - a constant of this test
    vocab_size = VOCAB

    def log_probs(self, canvas: Canvas, positions: torch.Tensor) -> torch.Tensor:
        start = canvas.answer_start
        seeds = [int(canvas.ids[r, start:c].sum()) + c - start for r, c in positions.tolist()]
        drawn = [torch.randn(VOCAB, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return torch.stack(drawn).log_softmax(1)


def fitted(options: dict[str, Any], block: int) -> dict[str, Any]:
    """The options with rates that a block of this length can hold."""
    rates = {key: min(options[key], block) for key in ("k", "remask_number") if key in options}
    steps = {"steps": GEN_LENGTH // block * min(options["steps"], block)} if "steps" in options else {}
    return {**options, **rates, **steps}


def made(name: str, options: dict[str, Any], block_length: int | None):
    return make_sampler(name, fitted(options, block_length or GEN_LENGTH))


def decode(name, options, samples=SAMPLES, script=hashed, **engine) -> dict[str, Generation]:
    """Answers by sample, ready to be compared."""
    sampler = made(name, options, engine.get("block_length"))
    verifier = Reader() if sampler.traits.verifier else None
    run = Engine(Scripted(script), sampler, GEN_LENGTH, EngineOptions(**engine), verifier)
    return {answer.sample.sample_id: comparable(answer) for answer in run.run(samples)}


def comparable(answer: Generation) -> Generation:
    """Without its time, and with a number where a remask has NaN, which is not equal to itself."""
    trace = tuple(each._replace(confidence=-1.0) if each.event == "remask" else each for each in answer.trace)
    return replace(answer, seconds=None, trace=trace)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads cost more than they save on twelve tokens."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def counted(index: int, temperature: float, block_length: int | None) -> list[tuple[Generation, int]]:
    """The samples of case `index` decoded one by one, each with the forward calls that it took."""
    name, options = CASES[index]
    sampler, denoiser = made(name, options, block_length), Scripted(hashed)
    verifier = Reader() if sampler.traits.verifier else None
    engine_options = EngineOptions(block_length, temperature, batch_size=1)
    answers, before = [], 0
    for answer in Engine(denoiser, sampler, GEN_LENGTH, engine_options, verifier).run(SAMPLES):
        answers.append((comparable(answer), denoiser.forwards - before))
        before = denoiser.forwards
    return answers


def alone(index: int, temperature: float, block_length: int | None) -> dict[str, Generation]:
    """The answers of `counted` by sample."""
    return {answer.sample.sample_id: answer for answer, _ in counted(index, temperature, block_length)}


each_case = pytest.mark.parametrize(
    "index", range(len(CASES)), ids=[f"{name}-{','.join(options)}" for name, options in CASES]
)


def test_every_sampler_has_a_case():
    assert {SAMPLERS.get(name).name for name, _ in CASES} == set(SAMPLERS.names())


def check_trace(answer: Generation) -> None:
    """The answer is complete, and what its trace commits and takes back leads to it."""
    assert answer.status in ("ok", "empty")
    assert len(answer.output_ids) == GEN_LENGTH
    assert MASK not in answer.output_ids
    standing: dict[int, int] = {}
    final = [0] * GEN_LENGTH
    for step, position, token, _, event in answer.trace:
        if event == "remask":
            assert standing.pop(position) == token
            continue
        assert (position in standing) == (event == "edit")
        standing[position], final[position] = token, step
    assert tuple(standing[position] for position in range(GEN_LENGTH)) == answer.output_ids
    assert tuple(final) == answer.commit_step


@each_case
@temperatures
@blocks
def test_answers_are_complete_block_by_block_and_every_forward_is_counted(index, temperature, block_length):
    sampler = made(*CASES[index], block_length)
    length = block_length or GEN_LENGTH
    for answer, forwards in counted(index, temperature, block_length):
        check_trace(answer)
        blocks_of = [position // length for _, position, *_ in answer.trace]
        assert blocks_of == sorted(blocks_of)
        assert answer.nfe == forwards <= nfe_bound([answer.sample], sampler, block_length)
        commits = {event.step for event in answer.trace if event.event == "commit"}
        if not sampler.traits.may_idle and not sampler.traits.may_continue:
            assert commits == set(range(1, answer.nfe + 1))


@each_case
@temperatures
@blocks
def test_batch_neighbours_padding_and_order_change_nothing(index, temperature, block_length):
    engine = {"temperature": temperature, "block_length": block_length}
    # Two places for three samples: rows leave, the last one joins, and the padding changes.
    together = decode(*CASES[index], SAMPLES[::-1], batch_size=2, **engine)
    assert together == alone(index, temperature, block_length)
    if block_length is None:
        assert decode(*CASES[index], SAMPLES, batch_size=3, **engine) == together


@each_case
@pytest.mark.parametrize("kind", ["prefix", "dual"])
def test_a_cache_does_not_make_a_batch_matter(index, kind):
    name, options = CASES[index]
    if SAMPLERS.get(name).traits.shadow:  # the engine refuses a cache beside a shadow block
        with pytest.raises(UsageError, match=name):
            decode(name, options, cache=kind, block_length=4)
        return
    single = decode(name, options, SAMPLES[:2], cache=kind, block_length=4, batch_size=1)
    assert decode(name, options, SAMPLES[1::-1], cache=kind, block_length=4) == single
    assert all(MASK not in answer.output_ids for answer in single.values())


@each_case
def test_compat_comes_to_an_end_and_does_not_make_a_batch_matter(index):
    engine = {"compat": "parallelbench", "block_length": 4}
    single = decode(*CASES[index], SAMPLES[:2], batch_size=1, **engine)
    assert decode(*CASES[index], SAMPLES[1::-1], **engine) == single
    for answer in single.values():
        assert answer.status in ("ok", "empty")
        assert MASK not in answer.output_ids


@each_case
@temperatures
def test_the_seed_decides_draws_and_nothing_else(index, temperature):
    name, options = CASES[index]
    ours = alone(index, temperature, None)
    other = decode(name, options, temperature=temperature, seed=4)
    same = {key: replace(answer, seed=0) for key, answer in other.items()} == ours
    drawn = temperature > 0 or name in SEEDED or "selection_temperature" in options
    assert same != drawn
    if drawn:
        assert decode(name, options, temperature=temperature, seed=4) == other


@each_case
def test_rows_with_non_finite_logits_fail_alone(index):
    bad = {len("a"): float("nan"), len("hello there"): float("inf")}

    def broken(canvas, row, position):
        logits = hashed(canvas, row, position)
        logits[4] = bad.get(int(canvas.prompt_lengths[row]), logits[4])
        return logits

    answers = decode(*CASES[index], script=broken)
    good = alone(index, 0.0, None)
    for key, prompt in zip(good, PROMPTS, strict=True):
        if len(prompt) in bad:
            assert (answers[key].status, answers[key].error_kind) == ("error", "non_finite")
        else:
            assert answers[key] == good[key]


@each_case
def test_block_length_one_is_left_to_right(index):
    for answer in alone(index, 0.0, 1).values():
        positions = [event.position for event in answer.trace if event.event == "commit"]
        assert list(dict.fromkeys(positions)) == list(range(GEN_LENGTH))


def order(name: str, options: dict[str, Any], script=hashed) -> dict[str, tuple[int, ...]]:
    return {key: answer.commit_step for key, answer in decode(name, options, script=script).items()}


@pytest.mark.parametrize(
    ("name", "options", "same"),
    [
        ("threshold", {"gamma": 1.5}, ("confidence", {"k": 1})),
        ("threshold", {"gamma": 1.5, "score": "margin"}, ("margin", {"k": 1})),
        ("dynamic", {"gamma": 1.0}, ("confidence", {"k": 1})),
        ("local-leap", {"gamma": 1.5}, ("confidence", {"k": 1})),
        ("local-leap", {"gamma": 0.6, "relaxed_gamma": 0.6}, ("threshold", {"gamma": 0.6})),
        ("hierarchical", {"gamma": 0.6, "low_gamma": 2}, ("dynamic", {"gamma": 0.6})),
        ("klass", {"gamma": 1.5}, ("confidence", {"k": 1})),
        ("credit", {"gamma": 0.6, "alpha": 0}, ("dynamic", {"gamma": 0.6})),
        ("frechet", {"delta": 1.0}, ("confidence", {"k": 1})),
        ("entropy-bounded", {"entropy_bound": 0}, ("entropy", {"k": 1})),
        ("entropy-bounded", {"entropy_bound": 1000}, ("confidence", {"k": 8})),
        ("factor", {"factor": 64}, ("confidence", {"k": 8})),
        ("slowfast", {"gamma": 2}, ("confidence", {"k": 1})),
        ("wino", {"gamma": 1}, ("confidence", {"k": 1})),
        ("pc", {"k": 3, "decay": 0, "frequencies": EQUAL_FREQUENCIES}, ("confidence", {"k": 3})),
        ("apd", {"mixture": 1, "lookahead": 3}, ("left-to-right", {"k": 3})),
        ("joint-threshold", {"gamma": 0.6, "edit_gamma": 1}, ("dynamic", {"gamma": 0.6})),
        ("remdm", {"k": 3, "remask_steps": 0}, ("confidence", {"k": 3})),
        ("rcr", {"k": 8}, ("confidence", {"k": 8})),
        ("confidence", {"k": 3, "min_gap": 1}, ("confidence", {"k": 3})),
        ("threshold", {"gamma": 0, "min_gap": 8}, ("confidence", {"k": 1})),
    ],
)
def test_rules_that_are_one_at_their_limits(name, options, same):
    assert order(name, options) == order(*same)


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.3, 1.6, 1.9])
def test_frechet_is_factor_on_equal_confidences(factor):
    def equal(canvas, row, position):
        left = int((canvas.ids[row] == MASK).sum())
        logits = torch.zeros(VOCAB)
        logits[3 + position % 9] = 9.0 - left
        return logits

    assert order("frechet", {"delta": 1 - factor}, equal) == order("factor", {"factor": factor}, equal)


def test_exact_zeros_are_free_for_entropy_bounded():
    def certain(canvas, row, position):
        logits = torch.full((VOCAB,), -torch.inf)
        logits[5] = 0.0
        return logits if position % 2 else hashed(canvas, row, position)

    steps = order("entropy-bounded", {"entropy_bound": 0}, certain)["test/scripted/0"]
    assert [steps[position] for position in (1, 3, 5, 7)] == [1] * 4
    assert sorted(steps[position] for position in (0, 2, 4, 6)) == [1, 2, 3, 4]


def test_dilated_is_its_level_table_where_nothing_is_put_off():
    assert set(order("dilated", {"skip_threshold": 0}).values()) == {(1, 3, 2, 3, 1, 3, 2, 3)}
