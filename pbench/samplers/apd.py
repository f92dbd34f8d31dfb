"""Adaptive parallel decoding (APD, arXiv 2506.00413): a small autoregressive model checks the draft.

Checked against scripted and random verifiers. As in the released code the target is the greedy
token at every temperature (the paper couples draft and target by one noise). The engine computes
whole forward passes and reuses no keys and values, which is the limit of a large window.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from pbench.config import Strict
from pbench.interfaces import Selection, Step, Traits
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.tables import argmax, by_row

__all__ = ["Apd", "ApdOptions", "accepted"]

_NO_SAY = 1e-6  # a model of so little weight has none: 0 * -inf would be NaN


class ApdOptions(Strict):
    mixture: float = Field(ge=0, le=1, description="R, the weight of the diffusion model; 1: no verifier")
    verifier: str | None = Field(None, description="autoregressive model of the same tokenizer")
    # Not part of the identity of a run: without reuse of keys and values it decides nothing.
    window: int = Field(
        16, ge=0, exclude=True, description="tokens recomputed where keys are reused; here all of them are"
    )
    lookahead: int = Field(100, ge=1, description="tokens accepted in one step, at most")


def accepted(agree: Tensor, to_unmask: Tensor, most: int) -> Tensor:
    """The first candidates from the left up to the first that does not `agree`, bool [R, W].

    The first candidate counts as agreed: left of it there is nothing that it could contradict.
    At most `most` a row; given and committed positions in between do not end the run.
    """
    order = to_unmask.cumsum(1)
    broken = to_unmask & ~agree & (order > 1)
    return to_unmask & (broken.cumsum(1) == 0) & (order <= most)


@SAMPLERS.add("apd")
class Apd(Policy):
    """Strictly left to right: the longest run of proposals equal to argmax(R log p + (1 - R) log p_AR).

    p is the diffusion model's distribution, p_AR that of an autoregressive verifier that reads the
    proposals as a draft; the first one is always accepted.
    """

    name = "apd"
    traits = Traits(verifier=True)
    Options = ApdOptions
    options: ApdOptions

    def select(self, step: Step) -> Selection:
        draft = torch.where(step.to_unmask, step.proposal, step.tokens)
        target = by_row(self._target, step.logits, step.verifier_log_probs(draft))
        rows, places = step.index.unbind(1)
        agree = torch.zeros_like(step.to_unmask)
        agree[rows, places] = target == draft[rows, places]
        return Selection(accepted(agree, step.to_unmask, self.options.lookahead))

    def _target(self, diffusion: Tensor, verifier: Tensor) -> Tensor:
        """Argmax [N] of R * log p + (1 - R) * verifier, up to a factor and a constant of each row.

        It sees neither, so that logits do for log p.
        """
        return argmax(self._mixture(diffusion, verifier))

    def _mixture(self, diffusion: Tensor, verifier: Tensor) -> Tensor:
        weight = self.options.mixture
        if weight >= 0.5:
            rest = (1 - weight) / weight
            return torch.add(diffusion, verifier, alpha=rest) if rest > _NO_SAY else diffusion
        rest = weight / (1 - weight)
        return torch.add(verifier, diffusion, alpha=rest) if rest > _NO_SAY else verifier
