"""KLASS: divergences, how many calm steps it takes, and what is kept between steps."""

from __future__ import annotations

import math

import pytest
import torch

from pbench.interfaces import BlockPlan
from pbench.samplers import make_sampler
from pbench.samplers.klass import divergence
from tests.samplers.steps import MadeStep, chosen

SURE = [0.98, 0.01, 0.01]
MOVED = [0.95, 0.04, 0.01]
UNSURE = [0.5, 0.3, 0.2]


def run(sampler, steps, masked=None):
    """The commits of each step; `steps` are distributions [W][V] of one row."""
    width = len(steps[0])
    states = [sampler.plan_block(BlockPlan(width, width, 1, 0, width))]
    found = []
    for number, distributions in enumerate(steps):
        log_probs = torch.tensor([distributions]).log()
        held = None if masked is None else torch.tensor([masked[number]], dtype=torch.bool)
        step = MadeStep(log_probs=log_probs, masked=held, states=states, number=number)
        found.append(chosen(sampler.select(step).commit)[0])
    return found


def test_divergence_is_in_nats_and_knows_impossible_tokens():
    p, q = torch.tensor([[0.75, 0.25]]), torch.tensor([[0.5, 0.5]])
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert float(divergence(p.log(), q.log())) == pytest.approx(expected, rel=1e-6)
    one = torch.tensor([[1.0, 0.0]]).log()
    assert float(divergence(one, one)) == 0
    assert float(divergence(one, one.flip(1))) == pytest.approx(-math.log(1e-12))


def test_divergence_of_a_position_does_not_depend_on_how_many_there_are():
    drawn = torch.randn(2, 130, 40_000, generator=torch.Generator().manual_seed(0)).log_softmax(2)
    together = divergence(drawn[0], drawn[1])
    for rows in (slice(0, 1), slice(63, 64), slice(128, 130), slice(3, 70)):
        assert torch.equal(divergence(drawn[0, rows], drawn[1, rows]), together[rows])


@pytest.mark.parametrize("history", [1, 2, 3])
def test_ready_takes_as_many_calm_steps_as_the_history_is_long(history):
    sampler = make_sampler("klass", {"gamma": 0.9, "kl_history": history})
    found = run(sampler, [[SURE] * 4] * 5)
    assert found == [[0]] * history + [[0, 1, 2, 3]] * (5 - history)


def test_a_move_starts_the_history_anew_and_confidence_counts_too():
    sampler = make_sampler("klass", {"gamma": 0.9})
    still = [SURE, SURE, UNSURE]
    found = run(sampler, [still, still, [SURE, MOVED, UNSURE], still, still, still])
    assert found == [[0], [0], [0], [0], [0], [0, 1]]


@pytest.mark.parametrize(("threshold", "positions"), [(0.02, [0]), (0.04, [0, 1])])
def test_the_threshold_is_strict_on_the_divergence(threshold, positions):
    # KL(SURE || MOVED) = 0.98 ln(0.98/0.95) + 0.01 ln(0.01/0.04) = 0.0166; back: 0.0259
    sampler = make_sampler("klass", {"gamma": 0.9, "kl_threshold": threshold})
    assert run(sampler, [[SURE, SURE], [SURE, MOVED], [SURE, SURE]])[2] == positions


def test_confidence_is_compared_strictly():
    sampler = make_sampler("klass", {"gamma": 0.5, "kl_history": 1})
    flat = [0.5, 0.25, 0.25]
    assert run(sampler, [[SURE, flat]] * 2)[1] == [0]


def test_the_state_is_that_of_the_candidates_alone_and_follows_their_positions():
    sampler = make_sampler("klass", {"gamma": 0.9})
    masked = [[1, 1, 1, 1], [1, 1, 0, 1], [1, 1, 0, 1]]
    steps = [[SURE, UNSURE, SURE, SURE], [SURE, UNSURE, SURE, SURE], [UNSURE, UNSURE, SURE, SURE]]
    states = [sampler.plan_block(BlockPlan(4, 4, 1, 0, 4))]
    for number in range(3):
        held = torch.tensor([masked[number]], dtype=torch.bool)
        step = MadeStep(log_probs=torch.tensor([steps[number]]).log(), masked=held, states=states)
        commit = sampler.select(step).commit
        assert states[0].log_probs.shape == (sum(masked[number]), 3)
    assert chosen(commit) == [[3]]


def test_rows_keep_their_own_history():
    sampler = make_sampler("klass", {"gamma": 0.9, "kl_history": 1})
    old, new = (sampler.plan_block(BlockPlan(2, 2, 1, 0, 2)) for _ in range(2))
    sampler.select(MadeStep(log_probs=torch.tensor([[SURE, SURE]]).log(), states=[old]))
    both = torch.tensor([[SURE, SURE], [SURE, SURE]]).log()
    assert chosen(sampler.select(MadeStep(log_probs=both, states=[new, old])).commit) == [[0], [0, 1]]
