"""Every family under the engine: batch size, caches and neighbours change nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch

from pbench.decode import Engine, EngineOptions, nfe_bound
from pbench.decode.canvas import BatchCanvas
from pbench.errors import UsageError
from pbench.interfaces import CacheUse
from pbench.records import Generation
from pbench.samplers import make_sampler
from tests.models.random_models import FAMILIES, model, samples

GEN_LENGTH = 12
FULL, CAUSAL = ("llada", "dream", "llada-moe"), ("sdar", "fast-dllm-v2", "llada2")
K1 = ("confidence", ("k", 1))
THRESHOLD = ("threshold", ("gamma", 0.3))
DYNAMIC = ("dynamic", ("gamma", 0.3))


@cache
def decode(
    family: str, sampler, batch_size: int, block: int | None = None, kind: str = "none", gen=GEN_LENGTH
):
    options = EngineOptions(block, batch_size=batch_size, cache=kind)
    engine = Engine(model(family), make_sampler(sampler[0], dict([sampler[1]])), gen, options)
    return sorted(engine.run(samples(8, gen)), key=lambda answer: answer.sample.index)


def essence(answers: list[Generation]):
    return [(a.output_ids, a.commit_step, a.nfe, a.nfe_store, a.query_tokens, a.kv_tokens) for a in answers]


def tokens(answers: list[Generation]):
    return [(a.output_ids, a.commit_step, a.nfe) for a in answers]


@pytest.mark.parametrize("family", FULL)
@pytest.mark.parametrize("kind", ["none", "prefix", "dual"])
@pytest.mark.parametrize("sampler", [K1, THRESHOLD])
def test_batch_size_changes_nothing(family, kind, sampler):
    alone, together = (decode(family, sampler, size, 4, kind) for size in (1, 8))
    assert all(answer.status in ("ok", "empty") for answer in alone)
    assert essence(alone) == essence(together) == essence(decode(family, sampler, 3, 4, kind))


@pytest.mark.parametrize("family", CAUSAL)
@pytest.mark.parametrize("kind", ["none", "prefix"])
@pytest.mark.parametrize("sampler", [K1, DYNAMIC])
def test_batch_size_changes_nothing_for_block_causal_models(family, kind, sampler):
    alone, together = (decode(family, sampler, size, None, kind) for size in (1, 8))
    assert all(answer.status in ("ok", "empty") for answer in alone)
    assert essence(alone) == essence(together) == essence(decode(family, sampler, 3, None, kind))


@pytest.mark.parametrize("family", CAUSAL)
@pytest.mark.parametrize(("gen", "block"), [(12, None), (11, None), (70, None), (70, 2)])
def test_the_store_is_exact(family, gen, block):
    stored = decode(family, DYNAMIC, 8, block, "prefix", gen)
    again = decode(family, DYNAMIC, 8, block, "none", gen)
    assert tokens(stored) == tokens(again)
    assert sum(a.query_tokens for a in stored) < sum(a.query_tokens for a in again)


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_differ_between_prompts_and_positions(family):
    """Else all of the above would hold of a model that says the same always."""
    answers = decode(family, K1, 8, 4 if family in FULL else None)
    assert len({answer.output_ids for answer in answers}) == len(answers)
    assert len({token for answer in answers for token in answer.output_ids}) > 15


@pytest.mark.parametrize("family", FULL)
def test_stale_keys_do_make_a_difference(family):
    none, prefix, dual = (decode(family, K1, 8, 4, kind) for kind in ("none", "prefix", "dual"))
    assert tokens(none) != tokens(prefix)
    assert [answer.trace for answer in prefix] != [answer.trace for answer in dual]


def test_store_and_prefill_are_counted_apart_from_decisions():
    """SDAR's published count: blocks of 4; here the last block is not stored, for nothing follows it."""
    for answer in decode("sdar", K1, 8, None, "prefix"):
        offset = answer.input_length % 4
        blocks = -(-(GEN_LENGTH + offset) // 4)
        assert answer.nfe == GEN_LENGTH
        assert answer.nfe_prefill == 1  # every prompt here has a whole block
        assert answer.nfe_store == blocks - 1
    for answer in decode("sdar", K1, 8):
        assert (answer.nfe_prefill, answer.nfe_store) == (0, 0)


def test_blocks_are_counted_from_the_prompts_start():
    """No token of a later block is committed before an earlier block is full."""
    for answer in decode("sdar", ("random", ("k", 1)), 8):
        blocks = [(answer.input_length + place) // 4 for place in range(GEN_LENGTH)]
        in_order = sorted(range(GEN_LENGTH), key=lambda place: answer.commit_step[place])
        assert [blocks[place] for place in in_order] == sorted(blocks)
        assert answer.block_length == 4


def test_an_earlier_block_does_not_see_a_later_one():
    denoiser = model("sdar")
    canvas = BatchCanvas(8, denoiser.mask_token_id, denoiser.pad_token_id, torch.device("cpu"))
    canvas.extend([[7, 8, 9, 10]], [[denoiser.mask_token_id] * 8])
    at = torch.tensor([[0, 4], [0, 8]])
    before = denoiser.logits(canvas, at)
    canvas.answers[0, 2] = 20
    assert not torch.allclose(denoiser.logits(canvas, at)[0], before[0])
    canvas.answers[0, 2] = denoiser.mask_token_id
    canvas.answers[0, 7] = 20
    again = denoiser.logits(canvas, at)
    assert torch.equal(again[0], before[0])
    assert not torch.allclose(again[1], before[1])


def test_what_a_shifted_head_reads_before_a_span_is_not_stored():
    """Columns outside of a cached pass stay as last stored, the one whose logits are read included."""
    denoiser = model("dream")
    canvas = BatchCanvas(4, denoiser.mask_token_id, denoiser.pad_token_id, torch.device("cpu"))
    canvas.extend([[7, 8, 9, 10, 11]], [[denoiser.mask_token_id] * 4])
    memory = denoiser.new_cache()
    one = torch.tensor([0])
    whole = CacheUse(memory, one, torch.tensor([0]), torch.tensor([9]))
    first = torch.tensor([[0, 5]])
    torch.testing.assert_close(
        denoiser.logits(canvas, first, whole), denoiser.logits(canvas, first), atol=1e-5, rtol=0
    )
    kept = memory.keys[:, 0, 4].clone()
    canvas.ids[0, 4] = 12
    denoiser.logits(canvas, first, CacheUse(memory, one, torch.tensor([5]), torch.tensor([9])))
    assert torch.equal(memory.keys[:, 0, 4], kept)


@pytest.mark.parametrize("family", CAUSAL)
def test_block_lengths_that_the_model_was_not_made_for_are_refused(family):
    with pytest.raises(UsageError, match="does not divide"):
        Engine(model(family), make_sampler("dynamic", {"gamma": 0.5}), 12, EngineOptions(3))
    with pytest.raises(UsageError, match="--cache prefix, which is exact"):
        Engine(model(family), make_sampler("dynamic", {"gamma": 0.5}), 12, EngineOptions(cache="dual"))


def test_wino_runs_where_a_mask_can_hide_a_token():
    wino = make_sampler("wino", {"gamma": 0.2})
    for family, block in (("llada", 4), ("sdar", None)):
        engines = [Engine(model(family), wino, 12, EngineOptions(block, batch_size=n)) for n in (1, 8)]
        alone, together = (sorted(e.run(samples(4)), key=lambda a: a.sample.index) for e in engines)
        assert tokens(alone) == tokens(together)
        assert model(family).mask_token_id not in alone[0].output_ids
    with pytest.raises(UsageError, match="arbitrary attention masks"):
        Engine(model("dream"), wino, 12, EngineOptions())


STATEFUL = [
    ("confidence", {"steps": 6}),
    ("dilated", {}),
    ("klass", {"gamma": 0.5}),
    ("slowfast", {"gamma": 0.5}),
    ("credit", {"gamma": 0.4}),
    ("joint-threshold", {"gamma": 0.4}),
    ("remdm", {"k": 1}),
]


@pytest.mark.parametrize("sampler", STATEFUL)
def test_samplers_with_state_go_through_blocks_that_a_prompt_cuts(sampler):
    made = make_sampler(*sampler)
    answers = list(
        Engine(model("sdar"), made, 12, EngineOptions(batch_size=4, cache="prefix")).run(samples(8))
    )
    assert [answer.status for answer in answers] == ["ok"] * 8
    assert all(model("sdar").mask_token_id not in answer.output_ids for answer in answers)
    total = sum(answer.nfe for answer in answers)
    assert total <= nfe_bound([answer.sample for answer in answers], made, None, 4)


def test_a_prompt_that_holds_the_mask_token_is_refused():
    message = {"role": "user", "content": "fill in <|mdm_mask|> here"}
    with pytest.raises(UsageError, match="mask token"):
        model("llada").encode(replace(samples(1)[0], messages=(message,)))


def test_compat_fills_a_block_causal_prompt_up_as_the_original_code_does():
    options = EngineOptions(compat="parallelbench")
    engine = Engine(model("sdar"), make_sampler("dynamic", {"gamma": 0.5}), 12, options)
    assert all(answer.input_length % 4 == 0 for answer in engine.run(samples(8)))
