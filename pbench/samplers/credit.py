"""CreditDecoding (arXiv 2510.06133, as in dInfer): tokens that keep winning earn credit.

Each step multiplies all credit by beta and adds p^power to the credit of each candidate's proposal;
then alpha * ln(1 + credit) is added to the logits. Only tokens that were proposed have credit, so
the state is these tokens and their credit [W, steps], not rows of the vocabulary; the total of the
new distribution is the old one plus what these tokens gained. At temperature > 0 credit goes to
the drawn token, and the committed one is the credited token with the highest new probability.
Checked against the dense formula on random logits, and against `threshold` with alpha = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from pbench.config import Strict
from pbench.interfaces import BlockPlan, Selection, Step
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import best

__all__ = ["Credit", "CreditOptions"]

EMPTY = -1  # a slot without a token


@dataclass(slots=True)
class Account:
    """One row's block: tokens that have credit (EMPTY: none) and how much, both [W, slots]."""

    tokens: Tensor
    credit: Tensor


class CreditOptions(Strict):
    gamma: float = Field(0.9, ge=0, le=2, description="commit where the new confidence > gamma")
    alpha: float = Field(0.7, ge=0, le=100, description="weight of ln(1 + credit) in the logits")
    beta: float = Field(0.8, ge=0, le=1, description="share of the credit kept from step to step")
    power: float = Field(0.2, ge=0, le=100, description="a proposal of probability p earns p^power")


@SAMPLERS.add("credit")
class Credit(Policy):
    """Adds alpha * ln(1 + credit) to the logits, where tokens earn credit by being proposed step after
    step; commits all candidates whose confidence is then > gamma. The best candidate where none is.
    """

    name = "credit"
    Options = CreditOptions
    options: CreditOptions

    def plan_block(self, block: BlockPlan) -> Account:
        slots = (block.length, 0)
        return Account(torch.empty(slots, dtype=torch.long), torch.empty(slots))

    def select(self, step: Step) -> Selection:
        at = step.index.unbind(1)
        tokens, credit = _stack(step)
        named, earned = self._earn(tokens[at], credit[at], step.proposal[at], step.top_probability[at])
        tokens[at], credit[at] = named, earned
        for row, account in enumerate(step.states):
            account.tokens, account.credit = tokens[row], credit[row]
        chosen, sure = self._fuse(step.log_probs, named, earned)
        # What an EOS policy takes from the proposal's confidence is taken here too.
        policy = step.confidence[at] / step.top_probability[at]
        sure = torch.where(chosen == step.proposal[at], sure * policy, sure)
        proposal = step.proposal.index_put(at, chosen)
        confidence = step.confidence.index_put(at, sure)
        commit = (confidence > self.options.gamma) & step.to_unmask
        return Selection(commit | best(confidence, step.to_unmask), tokens=proposal, confidence=confidence)

    def _earn(self, tokens: Tensor, credit: Tensor, proposal: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens and credit [N, slots] after this step; the last slot is free."""
        known = tokens == proposal.unsqueeze(1)
        last = tokens.shape[1] - 1
        slot = torch.where(known.any(1), known.byte().argmax(1), last).unsqueeze(1)
        gained = (self.options.power * p.log()).exp().unsqueeze(1)
        credit = (credit * self.options.beta).scatter_add(1, slot, gained)
        return tokens.scatter(1, slot, proposal.unsqueeze(1)), credit

    def _fuse(self, log_probs: Tensor, tokens: Tensor, credit: Tensor) -> tuple[Tensor, Tensor]:
        """The credited token [N] with the highest new probability, and that probability [N].

        Without credit no token can win: the proposal has some, and the higher logit.
        """
        old = log_probs.gather(1, tokens.clamp_min(0)).exp().masked_fill(tokens == EMPTY, 0)
        # exp and log, not pow: that one rounds by where an element lies in the batch's memory.
        new = old * (self.options.alpha * credit.log1p()).exp()
        total = torch.ones_like(new[:, 0])
        for slot in range(new.shape[1]):  # one by one: empty slots of other rows change no rounding
            total = total + (new[:, slot] - old[:, slot])
        top = new.max(dim=1)
        return tokens.gather(1, top.indices.unsqueeze(1)).squeeze(1), top.values / total


def _stack(step: Step) -> tuple[Tensor, Tensor]:
    """All rows' accounts [R, W, slots], with one free slot more than the fullest has."""
    slots = 1 + max(account.tokens.shape[1] for account in step.states)
    shape = (*step.to_unmask.shape, slots)
    tokens = torch.full(shape, EMPTY, dtype=torch.long, device=step.to_unmask.device)
    credit = torch.zeros(shape, device=step.to_unmask.device)
    for row, account in enumerate(step.states):
        used = account.tokens.shape[1]
        tokens[row, :, :used], credit[row, :, :used] = account.tokens, account.credit
    return tokens, credit
