"""What a sampler sees of one step: statistics of the logits, each computed on first use.

Scores are float32 whatever the model's dtype (half precision rounds probabilities near 1 to 1
and turns rankings into ties); with `compat` they are rounded to it, as in the original code. At
temperature T > 0 every statistic is of softmax(logits / T).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from pbench.decode.forwards import Pass
from pbench.decode.rows import Row
from pbench.decode.scores import EOS_PENALTY, Scoring
from pbench.samplers.tables import by_row, log_total, peak, peak_and_entropy, top_two

__all__ = ["StepView"]


class StepView:
    """The current block of R rows, W positions each; see `pbench.interfaces.Step`.

    There are logits for all that `to_unmask` marks, and for committed positions where the sampler
    asks for them.
    """

    def __init__(
        self,
        found: Pass,
        tokens: Tensor,
        to_unmask: Tensor,
        fixed: Tensor,
        *,
        rows: Sequence[Row],
        scoring: Scoring,
        verify: Callable[[Tensor], Tensor],
    ):
        self.index = found.index
        self.tokens = tokens
        self.to_unmask = to_unmask
        self.fixed = fixed
        self.compat = scoring.compat
        self.plans = [row.plan for row in rows]
        self.states = [row.state for row in rows]
        self.numbers = [row.number for row in rows]
        self._verify = verify
        self._doubtful: Tensor | None = None
        self._rows = rows
        self._found = found
        self._scoring = scoring
        self.logits = scoring.filtered(scoring.tempered(found.logits))

    @cached_property
    def asked(self) -> Tensor:
        """Bool [R, W]: positions for which there are logits."""
        asked = torch.zeros_like(self.to_unmask)
        asked[self.index[:, 0], self.index[:, 1]] = True
        return asked

    @cached_property
    def finite_rows(self) -> Tensor:
        """Bool [R]: False where a row's logits hold NaN, +inf or nothing but -inf.

        What a verifier said counts too, so that this is asked for after the sampler's decision.
        """
        rows = torch.ones(len(self.tokens), dtype=torch.bool, device=self.tokens.device)
        if self._doubtful is not None:
            rows[self.index[self._doubtful, 0]] = False
        if not math.isfinite(self._log_total.sum().item()):  # one number says so of all
            rows[self.index[~self._log_total.isfinite(), 0]] = False
        if self._found.shadow_index is not None:
            rows[self._found.shadow_index[~self._shadow.isfinite(), 0]] = False
        return rows

    @cached_property
    def proposal(self) -> Tensor:
        """Int64 [R, W]: the most probable token (lowest id in a tie), at masks drawn where T > 0."""
        return self._scatter(self._token, 0)

    @cached_property
    def confidence(self) -> Tensor:
        """Probability of the proposal, [R, W]; penalised where it is EOS and the options say so."""
        score = self.top_probability.masked_fill(~self.to_unmask, -torch.inf)
        return score if self._penalised is None else torch.where(self._penalised, score * EOS_PENALTY, score)

    @cached_property
    def top_probability(self) -> Tensor:
        """Probability of the proposal, [R, W], at committed positions too; -inf where not asked for."""
        return self._scatter(self._probability(self._token.unsqueeze(1)).squeeze(1), -torch.inf)

    @cached_property
    def margin(self) -> Tensor:
        """Difference of the two highest probabilities, [R, W]."""
        top = self._top_two
        score = self._scatter(top[:, 0] - top[:, 1], -torch.inf).masked_fill(~self.to_unmask, -torch.inf)
        return score if self._penalised is None else torch.where(self._penalised, score * EOS_PENALTY, score)

    @cached_property
    def entropy(self) -> Tensor:
        """Entropy in nats, [R, W]; +inf where there is no candidate."""
        found = by_row(_entropy_of, self._rounded) if self.compat else self._entropy
        score = self._scatter(found, torch.inf).masked_fill(~self.to_unmask, torch.inf)
        if self._penalised is None:
            return score
        return torch.where(self._penalised, score - math.log(EOS_PENALTY), score)

    @cached_property
    def log_probs(self) -> Tensor:
        """Float32 [N, V], rows as in `index`."""
        if self.compat:
            return self._rounded.float().log()
        return self.logits - self._log_total.unsqueeze(1)

    @cached_property
    def shadow_probability(self) -> Tensor:
        """What masks in the place of committed tokens would give to them, [R, W]; else +inf."""
        grid = torch.full(self.tokens.shape, torch.inf, device=self.tokens.device)
        if self._found.shadow_index is not None:
            grid[self._found.shadow_index.unbind(1)] = self._shadow
        return grid

    def verifier_log_probs(self, draft: Tensor) -> Tensor:
        """Float32 [N, V], rows as in `index`, with `draft` [R, W] on the canvas."""
        found = self._verify(draft)
        self._doubtful = ~found.amax(1).isfinite()
        return found

    def uniform(self) -> Tensor:
        """[R, W] numbers in [0, 1), drawn anew at each call from each sample's own stream."""
        return self._draw("order")

    @cached_property
    def _penalised(self) -> Tensor | None:
        """Bool [R, W]: candidates whose rank suffers for their proposal; None where none does."""
        if not self._scoring.penalised:
            return None
        return self._scoring.is_penalised(self.proposal) & self.to_unmask

    @cached_property
    def _shadow(self) -> Tensor:
        """Probabilities [M] of the tokens at `shadow_index`; NaN where the logits are not finite."""
        assert self._found.shadow_logits is not None
        assert self._found.shadow_index is not None
        tokens = self.tokens[self._found.shadow_index.unbind(1)]
        logits = self._scoring.tempered(self._found.shadow_logits).float()
        return (logits.gather(1, tokens.unsqueeze(1)).squeeze(1) - log_total(logits)).exp()

    @cached_property
    def _peak(self) -> tuple[Tensor, ...]:
        """The most probable token of each position, and the log_total of its logits: both [N]."""
        return peak(self.logits)

    @cached_property
    def _entropy(self) -> Tensor:
        places, total, found = peak_and_entropy(self.logits)  # one pass over the table for all three
        self._peak = (places, total)
        return found

    @property
    def _log_total(self) -> Tensor:
        return self._peak[1]

    @cached_property
    def _top_two(self) -> Tensor:
        """The two highest probabilities [N, 2]."""
        if self.compat:
            return top_two(self._rounded).float()
        return (top_two(self.logits) - self._log_total.unsqueeze(1)).exp()

    @cached_property
    def _rounded(self) -> Tensor:
        """Probabilities [N, V] in the dtype of the logits, as the original code has them."""
        return self.logits.softmax(1)

    def _probability(self, tokens: Tensor) -> Tensor:
        """Float32 probabilities [N, K] of `tokens` [N, K]."""
        if self.compat:
            return self._rounded.gather(1, tokens).float()
        return (self.logits.gather(1, tokens) - self._log_total.unsqueeze(1)).exp()

    @cached_property
    def _token(self) -> Tensor:
        best = self._peak[0]
        if self._scoring.temperature == 0:
            return best
        rows, places = self.index.unbind(1)
        cumulative = self.log_probs.double().exp().cumsum(1)  # double: u < 1 stays below the total
        target = self._draw("token")[rows, places] * cumulative[:, -1]
        drawn = torch.searchsorted(cumulative, target.unsqueeze(1), right=True).squeeze(1)
        drawn = drawn.clamp_max(cumulative.shape[1] - 1)  # NaN is found beyond the end
        return torch.where(self.to_unmask[rows, places], drawn, best)

    def _draw(self, purpose: Literal["order", "token"]) -> Tensor:
        width = self.tokens.shape[1]
        numbers = [torch.rand(width, generator=row.stream(purpose)) for row in self._rows]
        return torch.stack(numbers).to(self.tokens.device)

    def _scatter(self, values: Tensor, empty: float) -> Tensor:
        grid = torch.full(self.tokens.shape, empty, dtype=values.dtype, device=values.device)
        grid.view(-1).index_copy_(0, self._flat, values)
        return grid

    @cached_property
    def _flat(self) -> Tensor:
        """Int64 [N]: the places of `index` in a grid [R, W] that is read as one row."""
        return self.index[:, 0] * self.tokens.shape[1] + self.index[:, 1]


def _entropy_of(probabilities: Tensor) -> Tensor:
    return torch.special.entr(probabilities.float()).sum(1)
