"""Options of the engine that no run can have are refused before there is one."""

from __future__ import annotations

import math

import pytest

from pbench.decode import EngineOptions
from pbench.decode.options import resolve_block_length
from pbench.errors import UsageError


@pytest.mark.parametrize("temperature", [math.inf, math.nan, -1.0, 1e-300, 1e300])
def test_temperatures_at_which_logits_overflow(temperature):
    with pytest.raises(UsageError, match=r"--temperature .* must be 0, or between 1e-06 and 1e\+06"):
        EngineOptions(temperature=temperature)


@pytest.mark.parametrize("seed", [2**63, -(2**63) - 1, 10**23])
def test_a_seed_that_no_file_can_hold(seed):
    with pytest.raises(UsageError, match="must fit into 64 bits"):
        EngineOptions(seed=seed)


def test_what_is_at_the_edge_is_taken():
    assert EngineOptions(temperature=1e-6, seed=2**63 - 1).seed == 2**63 - 1
    assert EngineOptions(temperature=1e6, top_p=1.0, top_k=1, seed=-(2**63)).top_k == 1


@pytest.mark.parametrize(
    ("gen_length", "block_length", "causal", "found"),
    [(12, None, None, 12), (12, 4, None, 4), (13, None, 8, 8), (13, 4, 8, 4), (4, 8, 8, 8), (13, 1, 8, 1)],
)
def test_a_block_is_the_whole_answer_or_the_models_own_if_not_said(gen_length, block_length, causal, found):
    assert resolve_block_length(gen_length, block_length, causal) == found


@pytest.mark.parametrize(
    ("block_length", "causal", "words"),
    [
        (5, None, "--block-length 5 does not divide gen_length 12"),
        (0, None, "--block-length 0 does not divide"),
        (-4, None, "--block-length -4 does not divide"),
        (3, 8, "--block-length 3 does not divide 8, the block length of this model"),
        (16, 8, "--block-length 16 does not divide 8"),
        (0, 8, "--block-length 0 does not divide 8"),
        (-4, 8, "--block-length -4 does not divide 8"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(block_length, causal, words):
    with pytest.raises(UsageError, match=words):
        resolve_block_length(12, block_length, causal)
