"""Both caches: what a row computes, what it pays, and that neighbours change nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch.nn import functional as F

from pbench.decode import Engine, EngineOptions
from pbench.errors import UsageError
from pbench.interfaces import Capabilities
from pbench.models.tiny import TinyDenoiser
from pbench.models.tiny_network import TinyConfig, TinyNetwork
from pbench.records import Generation
from pbench.samplers import make_sampler
from tests.scripted import EOS, MASK, PAD, VOCAB, Scripted, hashed, sample

GEN_LENGTH, BLOCK = 12, 4
PROMPTS = ["a", "abcdef", "zz", "hello there", "b", "cab", "abcabcabc", "q"]
SAMPLES = [sample(i, prompt, GEN_LENGTH) for i, prompt in enumerate(PROMPTS)]
KINDS = ("prefix", "dual")
SAMPLERS = [("confidence", {"k": 1}), ("threshold", {"gamma": 0.5}), ("random", {"k": 3})]
CONFIG = TinyConfig(
    vocab_size=VOCAB,
    hidden_size=32,
    num_hidden_layers=3,
    num_attention_heads=2,
    intermediate_size=32,
    mask_token_id=MASK,
    eos_token_id=EOS,
    pad_token_id=PAD,
    unk_token_id=3,
)


class RandomTiny(TinyDenoiser):
    """A network of the bundled family with random weights, large enough for answers to differ."""

    def __init__(self):
        network = TinyNetwork(CONFIG)
        network.initialise(torch.Generator().manual_seed(5))
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if "mix" in name:
                    parameter.uniform_(-1, 1, generator=torch.Generator().manual_seed(6))
                elif parameter.ndim == 2:
                    parameter.mul_(2.0)
        super().__init__("random-tiny", CONFIG, network, None, {})  # type: ignore[arg-type]

    def encode(self, sample):
        return Scripted(hashed).encode(sample)

    def decode(self, ids):
        return Scripted(hashed).decode(ids)


def decode(denoiser, sampler, samples=SAMPLES, block=BLOCK, **options) -> dict[str, Generation]:
    engine = Engine(denoiser, make_sampler(*sampler), GEN_LENGTH, EngineOptions(block, **options))
    return {answer.sample.sample_id: answer for answer in engine.run(samples)}


def bookkeeping(answer: Generation):
    return answer.output_ids, answer.commit_step, answer.nfe, answer.query_tokens, answer.kv_tokens


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_batch_neighbours_padding_and_order_change_nothing(kind, sampler):
    alone = decode(RandomTiny(), sampler, cache=kind, batch_size=1)
    for size, order in ((3, SAMPLES), (8, SAMPLES), (3, SAMPLES[::-1])):
        together = decode(RandomTiny(), sampler, order, cache=kind, batch_size=size)
        assert {k: bookkeeping(v) for k, v in together.items()} == {
            k: bookkeeping(v) for k, v in alone.items()
        }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sampler", [*SAMPLERS, ("joint-threshold", {"gamma": 0.5}), ("rcr", {"k": 2})])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_model_that_remembers_tokens_alone_answers_as_without_a_cache(kind, sampler, temperature):
    """The scripted model looks at stored tokens, and those outside the block never change."""
    options = {"temperature": temperature, "batch_size": 3}
    bare = decode(Scripted(hashed), sampler, **options)
    cached = decode(Scripted(hashed), sampler, cache=kind, **options)

    def essence(answer):
        return replace(answer, seconds=None, query_tokens=None, kv_tokens=None)

    assert {k: essence(v) for k, v in cached.items()} == {k: essence(v) for k, v in bare.items()}


@pytest.mark.parametrize(("kind", "query"), [("prefix", (12, 8, 4)), ("dual", (4, 4, 4))])
def test_each_row_pays_for_the_columns_that_it_computes(kind, query):
    (answer,) = decode(Scripted(hashed), ("confidence", {"k": 1}), SAMPLES[:1], cache=kind).values()
    whole = 1 + GEN_LENGTH
    assert answer.nfe == GEN_LENGTH
    assert answer.query_tokens == sum(whole + (BLOCK - 1) * later for later in query)
    assert answer.kv_tokens == GEN_LENGTH * whole


def test_two_blocks_are_enough_to_keep_something():
    sampler = ("confidence", {"k": 3})
    (answer,) = decode(Scripted(hashed), sampler, SAMPLES[:1], block=6, cache="dual").values()
    assert answer.query_tokens == 2 * (1 + GEN_LENGTH + 6)


@pytest.mark.parametrize("kind", KINDS)
def test_no_forward_is_spent_on_a_block_that_the_warm_step_filled(kind):
    denoiser = Scripted(hashed)
    (answer,) = decode(denoiser, ("confidence", {"k": 4}), SAMPLES[:1], cache=kind).values()
    assert answer.nfe == denoiser.forwards == GEN_LENGTH // BLOCK
    assert answer.query_tokens == answer.nfe * (1 + GEN_LENGTH)


@pytest.mark.parametrize("kind", KINDS)
def test_with_one_block_nothing_changes(kind):
    bare = decode(RandomTiny(), SAMPLERS[0], block=None)
    cached = decode(RandomTiny(), SAMPLERS[0], block=None, cache=kind)
    assert {k: bookkeeping(v) for k, v in cached.items()} == {k: bookkeeping(v) for k, v in bare.items()}


def test_stale_keys_do_make_a_difference_on_the_random_network():
    """Else the tests above would hold of a cache that is never read."""
    bare, prefix, dual = (
        [a.output_ids for a in decode(RandomTiny(), SAMPLERS[0], cache=kind).values()]
        for kind in ("none", *KINDS)
    )
    assert bare != prefix
    assert prefix != dual


class SlowRow:
    """The network on one unpadded row, column by column, keeping every layer's inputs; no batch, no slots.

    `compute(columns)` replaces what is kept of these columns and returns their logits.
    """

    def __init__(self, network: TinyNetwork, ids: list[int], start: int):
        self.network, self.ids, self.start = network, ids, start
        blank = [[torch.zeros(32)] * len(ids) for _ in network.blocks]
        self.inputs = blank
        self.keys = [list(layer) for layer in blank]
        self.values = [list(layer) for layer in blank]
        self.hidden = [torch.zeros(32)] * len(ids)

    def compute(self, columns: range) -> torch.Tensor:
        x = {c: self.embedded(c) for c in columns}
        for number, block in enumerate(self.network.blocks):
            inputs, keys, values = self.inputs[number], self.keys[number], self.values[number]
            for c in columns:
                inputs[c] = block.attn_norm(x[c])
            queries = {}
            for c in columns:
                left = inputs[c - 1] if c else torch.zeros(32)
                right = inputs[c + 1] if c + 1 < len(inputs) else torch.zeros(32)
                mixed = inputs[c] + left * block.mix.left + right * block.mix.right
                queries[c], keys[c], values[c] = block.qkv(mixed).chunk(3)
            for c in columns:
                x[c] = x[c] + block.out(self.attended(queries[c], keys, values, block.heads))
                x[c] = x[c] + block.down(F.relu(block.up(block.mlp_norm(x[c]))))
        for c in columns:
            self.hidden[c] = self.network.norm(x[c])
        return torch.stack([self.logits(c) for c in columns])

    def embedded(self, c: int) -> torch.Tensor:
        if c < self.start:
            place = self.network.prompt_position.weight[c]
        else:
            place = self.network.answer_position.weight[c - self.start]
        return self.network.embed.weight[self.ids[c]] + place

    def attended(self, query, keys, values, heads: int) -> torch.Tensor:
        out = []
        for head in range(heads):
            part = slice(head * 32 // heads, (head + 1) * 32 // heads)
            scores = torch.stack([query[part] @ key[part] for key in keys]) / (32 / heads) ** 0.5
            out.append(scores.softmax(0) @ torch.stack([value[part] for value in values]))
        return torch.cat(out)

    def logits(self, c: int) -> torch.Tensor:
        weights = (self.hidden[c] @ self.network.embed.weight.T / 32**0.5).exp()
        query = self.network.pointer_query(self.hidden[c]) / 32**0.5
        for column in range(self.start):
            weights[self.ids[column]] += (query @ self.network.pointer_key(self.hidden[column])).exp()
        logits = weights.log()
        logits[MASK] = -torch.inf
        return logits


@torch.inference_mode()
def slowly(denoiser: RandomTiny, one, kind: str) -> list[int]:
    """confidence --k 1 with a cache, from the description alone."""
    prompt = denoiser.encode(one)
    row = SlowRow(denoiser.network, prompt + [MASK] * GEN_LENGTH, len(prompt))
    end = len(row.ids)
    for first, step in product(range(len(prompt), end, BLOCK), range(BLOCK)):
        begin = 0 if step == 0 else first
        stop = end if step == 0 or kind == "prefix" else first + BLOCK
        logits = row.compute(range(begin, stop))[first - begin : first - begin + BLOCK]
        confidence, tokens = logits.softmax(1).max(1)
        masked = torch.tensor([token == MASK for token in row.ids[first : first + BLOCK]])
        chosen = int(confidence.masked_fill(~masked, -1).argmax())
        row.ids[first + chosen] = int(tokens[chosen])
    return row.ids[len(prompt) :]


@pytest.mark.parametrize("kind", KINDS)
def test_an_independent_slow_recomputation_gives_the_same_answers(kind):
    denoiser = RandomTiny()
    cached = decode(denoiser, ("confidence", {"k": 1}), SAMPLES[:4], cache=kind)
    for one in SAMPLES[:4]:
        assert list(cached[one.sample_id].output_ids) == slowly(denoiser, one, kind)


def test_what_cannot_be_cached_is_refused_before_any_forward():
    class Plain(Scripted):
        capabilities = Capabilities(max_length=96)

    denoiser = Plain(hashed)
    with pytest.raises(UsageError, match="--cache dual needs a key-value cache, which model 'scripted'"):
        decode(denoiser, SAMPLERS[0], cache="dual")
    with pytest.raises(UsageError, match="--cache prefix does not go with sampler 'wino'"):
        decode(Scripted(hashed), ("wino", {"gamma": 0.6}), cache="prefix")
    assert denoiser.forwards == 0
