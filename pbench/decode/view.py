"""What a sampler sees of one step: statistics of the logits, each computed on first use.

Scores are float32 whatever the model's dtype (half precision rounds probabilities near 1 to 1
and turns rankings into ties). At temperature T > 0 every statistic is of softmax(logits / T).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

__all__ = ["StepView"]


class StepView:
    """The current block of R rows, W positions each; see `pbench.interfaces.Step`.

    `logits` [N, V] belong to the candidates listed in `index` [N, 2] (row, block position).
    """

    def __init__(
        self,
        logits: Tensor,
        index: Tensor,
        tokens: Tensor,
        fixed: Tensor,
        *,
        temperature: float,
        streams: Sequence[tuple[torch.Generator, torch.Generator]],
        states: list[Any],
        numbers: list[int],
    ):
        self.index = index
        self.tokens = tokens
        self.fixed = fixed
        self.states = states
        self.numbers = numbers
        self.to_unmask = torch.zeros_like(fixed)
        self.to_unmask[index[:, 0], index[:, 1]] = True
        self._temperature = temperature
        self._streams = streams
        self._logits = logits.float() if temperature == 0 else logits.float() / temperature

    @cached_property
    def finite_rows(self) -> Tensor:
        """Bool [R]: False where a row's logits hold NaN, +inf or nothing but -inf."""
        bad = ~self._log_total.isfinite()
        rows = torch.ones(len(self.tokens), dtype=torch.bool, device=self.tokens.device)
        rows[self.index[bad, 0]] = False
        return rows

    @cached_property
    def proposal(self) -> Tensor:
        """Int64 [R, W]: the most probable token (lowest id in a tie), drawn where T > 0."""
        return self._scatter(self._token, 0)

    @cached_property
    def confidence(self) -> Tensor:
        """Probability of the proposal, [R, W]."""
        chosen = self._logits.gather(1, self._token.unsqueeze(1)).squeeze(1)
        return self._scatter((chosen - self._log_total).exp(), -torch.inf)

    @cached_property
    def margin(self) -> Tensor:
        """Difference of the two highest probabilities, [R, W]."""
        top = (self._logits.topk(2, dim=1).values - self._log_total.unsqueeze(1)).exp()
        return self._scatter(top[:, 0] - top[:, 1], -torch.inf)

    @cached_property
    def entropy(self) -> Tensor:
        """Entropy in nats, [R, W]; +inf where there is no candidate."""
        return self._scatter(torch.special.entr(self.log_probs.exp()).sum(1), torch.inf)

    @cached_property
    def log_probs(self) -> Tensor:
        """[N, V], rows as in `index`."""
        return self._logits - self._log_total.unsqueeze(1)

    def uniform(self) -> Tensor:
        """[R, W] numbers in [0, 1), drawn anew at each call from each sample's own stream."""
        return self._draw(0)

    @cached_property
    def _log_total(self) -> Tensor:
        return self._logits.logsumexp(1)

    @cached_property
    def _token(self) -> Tensor:
        if self._temperature == 0:
            return self._logits.argmax(1)
        drawn = self._draw(1)[self.index[:, 0], self.index[:, 1]]
        cumulative = self.log_probs.double().exp().cumsum(1)  # double: u < 1 stays below the total
        target = drawn * cumulative[:, -1]
        return torch.searchsorted(cumulative, target.unsqueeze(1), right=True).squeeze(1)

    def _draw(self, which: int) -> Tensor:
        width = self.tokens.shape[1]
        numbers = [torch.rand(width, generator=streams[which]) for streams in self._streams]
        return torch.stack(numbers).to(self.tokens.device)

    def _scatter(self, values: Tensor, empty: float) -> Tensor:
        grid = torch.full(self.tokens.shape, empty, dtype=values.dtype, device=values.device)
        grid[self.index[:, 0], self.index[:, 1]] = values
        return grid
