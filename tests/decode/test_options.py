"""Options of the engine that no run can have are refused before there is one."""

from __future__ import annotations

import math

import pytest

from pbench.decode import EngineOptions
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
