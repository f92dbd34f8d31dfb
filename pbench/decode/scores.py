"""From a model's logits to the logits that a step is decided on: temperature, filters, EOS treatment."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["EOS_PENALTY", "Scoring", "among_top_k", "among_top_p"]

EOS_PENALTY = 0.5  # `--eos penalise`: what the probability of EOS or pad counts for in a ranking


@dataclass(frozen=True, slots=True)
class Scoring:
    """How logits become probabilities.

    `compat` keeps them in the logits' dtype; `suppressed` token ids are never proposed; proposals
    of `penalised` ones rank as if they were EOS_PENALTY times as probable.
    """

    temperature: float = 0.0
    compat: bool = False
    top_p: float | None = None
    top_k: int | None = None
    suppressed: tuple[int, ...] = ()
    penalised: tuple[int, ...] = ()

    def tempered(self, logits: Tensor) -> Tensor:
        """Logits [N, V] in the dtype of the scores, over the temperature, suppressed tokens -inf."""
        if not self.compat:
            logits = logits.float()
        if self.temperature > 0:
            logits = logits / self.temperature
        if self.suppressed:
            banned = torch.tensor(self.suppressed, device=logits.device)
            logits = logits.index_fill(1, banned, -torch.inf)
        return logits

    def filtered(self, logits: Tensor) -> Tensor:
        """Logits with -inf for tokens that may not be drawn: first top-p, then top-k, as Dream has it."""
        if self.top_p is not None:
            logits = among_top_p(logits, self.top_p)
        if self.top_k is not None:
            logits = among_top_k(logits, self.top_k)
        return logits

    def is_penalised(self, tokens: Tensor) -> Tensor:
        """Bool, shape of `tokens`."""
        return torch.isin(tokens, torch.tensor(self.penalised, dtype=tokens.dtype, device=tokens.device))


def among_top_p(logits: Tensor, p: float) -> Tensor:
    """The fewest most probable tokens of each row that together reach p; the others -inf.

    Ties: the lower id first.
    """
    ordered, order = logits.sort(dim=1, descending=True, stable=True)
    probabilities = ordered.float().softmax(1)
    before = probabilities.cumsum(1) - probabilities
    return logits.masked_fill(
        torch.zeros_like(logits, dtype=torch.bool).scatter(1, order, before >= p), -torch.inf
    )


def among_top_k(logits: Tensor, k: int) -> Tensor:
    """The k most probable tokens of each row; the others -inf. Ties: the lower id first."""
    order = logits.sort(dim=1, descending=True, stable=True).indices[:, :k]
    kept = torch.zeros_like(logits, dtype=torch.bool).scatter(1, order, True)
    return logits.masked_fill(~kept, -torch.inf)
