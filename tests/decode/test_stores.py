"""The store of a block-causal model: which passes there are, and what each one costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pbench.decode import Engine, EngineOptions
from pbench.samplers import make_sampler
from tests.scripted import Scripted, sample, sure


class Causal(Scripted):
    """Keeps nothing, for `sure` looks at nothing: only what a row pays is of interest here."""

    capabilities = replace(Scripted.capabilities, block_causal=4)

    def logits(self, canvas, positions, cache=None):
        return super().logits(canvas, positions)


def decode(prompts: list[int], gen_length: int, k: int, **options):
    """Answers to prompts of these lengths."""
    engine = Engine(Causal(sure), make_sampler("confidence", {"k": k}), gen_length, EngineOptions(**options))
    samples = [sample(index, "a" * length, gen_length) for index, length in enumerate(prompts)]
    return sorted(engine.run(samples), key=lambda answer: answer.sample.index)


# (from, to) of each pass over a sequence: those that store, and how often those that decide.
CASES = [
    (6, 6, 1, [(0, 4), (4, 8)], [(4, 8)] * 2 + [(8, 12)] * 4),  # the prompt's last two are in the first block
    (3, 6, 1, [(0, 4), (4, 8)], [(0, 4)] + [(4, 8)] * 4 + [(8, 9)]),  # no whole block before the answer
    (8, 4, 4, [(0, 8)], [(8, 12)]),
    (9, 8, 4, [(0, 8), (8, 12), (12, 16)], [(8, 12), (12, 16), (16, 17)]),
]


@pytest.mark.parametrize(("prompt", "gen_length", "k", "stores", "passes"), CASES)
def test_finished_blocks_are_stored_once_and_a_pass_computes_one_block(prompt, gen_length, k, stores, passes):
    for others in ([], [5, 2, 11]):
        found = decode([prompt, *others], gen_length, min(k, gen_length), cache="prefix")[0]
        assert found.nfe == len(passes)
        assert (found.nfe_prefill, found.nfe_store) == (1, len(stores) - 1)
        assert found.query_tokens == sum(stop - start for start, stop in [*stores, *passes])
        assert found.kv_tokens == sum(stop for _, stop in [*stores, *passes])


def test_without_the_store_every_pass_computes_everything():
    (found,) = decode([6], 6, 1)
    assert (found.nfe, found.nfe_prefill, found.nfe_store) == (6, 0, 0)
    assert found.query_tokens == found.kv_tokens == 6 * 12
