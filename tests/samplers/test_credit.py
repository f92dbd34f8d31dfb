"""Credit: the sparse account gives what the dense formula gives."""

from __future__ import annotations

import pytest
import torch

from pbench.interfaces import BlockPlan
from pbench.samplers import make_sampler
from tests.samplers.steps import MadeStep, chosen

WIDTH, VOCAB, STEPS = 5, 9, 6


def account(sampler, width=WIDTH):
    return sampler.plan_block(BlockPlan(width, width, 1, 0, width))


def dense(logits, alpha=0.7, beta=0.8, power=0.2):
    """The published rule with credit [W, V]: tokens and confidence [steps, W]."""
    credit = torch.zeros_like(logits[0])
    tokens, confidence = [], []
    for each in logits:
        top = each.softmax(-1).max(-1)
        credit = (credit * beta).scatter_add(1, top.indices[:, None], top.values[:, None] ** power)
        fused = (each + alpha * (1 + credit).log()).softmax(-1).max(-1)
        tokens.append(fused.indices)
        confidence.append(fused.values)
    return torch.stack(tokens), torch.stack(confidence)


@pytest.mark.parametrize("options", [{}, {"alpha": 3.0, "beta": 0.5, "power": 1.0}, {"beta": 0.0}])
def test_it_is_the_dense_formula(options):
    generator = torch.Generator().manual_seed(3)
    drift = torch.randn(STEPS, WIDTH, VOCAB, generator=generator)
    logits = torch.randn(WIDTH, VOCAB, generator=generator) + 0.4 * drift
    sampler = make_sampler("credit", options)
    states = [account(sampler)]
    tokens, confidence = dense(logits, **options)
    changed = 0
    for number in range(STEPS):
        step = MadeStep(log_probs=logits[number : number + 1].log_softmax(-1), states=states)
        selection = sampler.select(step)
        assert selection.tokens.tolist() == [tokens[number].tolist()]
        assert torch.allclose(selection.confidence[0], confidence[number], atol=1e-6)
        changed += int((selection.tokens != step.proposal).sum())
    if options.get("beta") != 0:
        assert changed  # credit has turned some of them: the comparison saw more than argmax


def test_commits_are_strictly_above_gamma_or_the_best():
    sampler = make_sampler("credit", {"alpha": 0, "gamma": 0.5})
    probabilities = torch.tensor([[[0.5, 0.25, 0.25], [0.75, 0.25, 0.0], [0.625, 0.25, 0.125]]])
    step = MadeStep(log_probs=probabilities.log(), states=[account(sampler, 3)])
    assert chosen(sampler.select(step).commit) == [[1, 2]]
    lofty = make_sampler("credit", {"alpha": 0, "gamma": 1})
    step = MadeStep(log_probs=probabilities.log(), states=[account(lofty, 3)])
    assert chosen(lofty.select(step).commit) == [[1]]


def test_a_penalty_on_the_proposal_stays_on_it_and_goes_to_no_other_token():
    sampler = make_sampler("credit", {"alpha": 10.0, "gamma": 1})
    state, probabilities = account(sampler, 2), torch.tensor([[[0.6, 0.4], [0.6, 0.4]]])
    for _ in range(3):
        sampler.select(MadeStep(log_probs=probabilities.log(), states=[state]))
    step = MadeStep(log_probs=torch.tensor([[[0.6, 0.4], [0.4, 0.6]]]).log(), states=[state])
    step.confidence = step.confidence / 2  # as `--eos penalise` has it; the second choice is token 0 again
    found = sampler.select(step)
    assert found.tokens.tolist() == [[0, 0]]
    assert found.confidence[0, 0].item() == pytest.approx(0.5, abs=1e-4)
    assert found.confidence[0, 1].item() > 0.9


def test_a_row_gets_the_same_beside_a_row_with_a_longer_past():
    sampler = make_sampler("credit", {})
    logits = torch.randn(STEPS, 2, WIDTH, VOCAB, generator=torch.Generator().manual_seed(5))
    alone, together, old = account(sampler), account(sampler), account(sampler)
    for each in logits[:3]:
        sampler.select(MadeStep(log_probs=each[:1].log_softmax(-1), states=[old]))
    for each in logits[3:]:
        own = each[1:].log_softmax(-1)
        single = sampler.select(MadeStep(log_probs=own, states=[alone]))
        pair = sampler.select(MadeStep(log_probs=each.log_softmax(-1), states=[old, together]))
        assert torch.equal(single.confidence[0], pair.confidence[1])
        assert torch.equal(single.tokens[0], pair.tokens[1])


def test_the_account_holds_proposed_tokens_and_no_vocabulary():
    sampler = make_sampler("credit", {})
    states = [account(sampler)]
    for seed in range(STEPS):
        logits = torch.randn(1, WIDTH, VOCAB, generator=torch.Generator().manual_seed(seed))
        sampler.select(MadeStep(log_probs=logits.log_softmax(-1), states=states))
    assert states[0].tokens.shape == states[0].credit.shape == (WIDTH, STEPS)
