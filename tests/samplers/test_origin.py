"""Origin: the probabilities of Dream's timesteps, and how often they come true."""

from __future__ import annotations

import pytest
import torch

from pbench.errors import UsageError
from pbench.interfaces import BlockPlan
from pbench.samplers import make_sampler
from pbench.samplers.origin import commit_probability
from tests.samplers.steps import MadeStep


def test_probabilities_follow_the_timesteps():
    assert [commit_probability(i, 4, 0.0) for i in range(4)] == pytest.approx([1 / 4, 1 / 3, 1 / 2, 1])
    times = torch.linspace(1, 1e-3, 5, dtype=torch.float64)
    expected = [*(1 - times[1:4] / times[:3]).tolist(), 1.0]
    assert [commit_probability(i, 4, 1e-3) for i in range(4)] == pytest.approx(expected)


@pytest.mark.parametrize("compat", [False, True])
def test_each_position_flips_its_own_coin(compat):
    sampler = make_sampler("origin", {"steps": 4})
    step = MadeStep([[0.5] * 4000] * 2, states=[4, 2], number=1, compat=compat)
    first, second = sampler.select(step).commit.float().mean(1).tolist()
    eps = 0.0 if compat else 1e-3
    assert first == pytest.approx(commit_probability(1, 4, eps), abs=0.03)  # 4 standard errors
    assert second == 1.0


def test_eps_is_dreams_and_zero_under_compat():
    step = MadeStep([[0.5]], states=[2], compat=True)
    step.uniform = lambda: torch.tensor([[0.49975]])
    sampler = make_sampler("origin", {"steps": 2})
    assert bool(sampler.select(step).commit)
    step.compat = False
    assert not bool(sampler.select(step).commit)  # the chance is (1 - 0.001) / 2 = 0.4995
    step.uniform = lambda: torch.tensor([[0.49925]])
    assert bool(sampler.select(step).commit)
    step.uniform, step.compat = (lambda: torch.tensor([[0.5]])), True
    assert not bool(sampler.select(step).commit)  # a number below a half is as likely as one above it


def test_steps_are_shared_among_the_blocks():
    sampler = make_sampler("origin", {"steps": 8})
    sampler.check(8, 4)
    assert sampler.max_steps(BlockPlan(4, 4, 2, 0, 8)) == 4
    for lengths, must in (((4, 4), "at most gen_length 4"), ((24, 8), "a multiple of the 3 blocks, at most")):
        with pytest.raises(UsageError, match=f"--steps 8 must be {must}"):
            sampler.check(*lengths)
