"""The dependency gap: what the tokens of one step say of each other, which their marginals leave out.

A step that commits x_1 ... x_m draws each from its own marginal p(x_i | canvas). The model's chain
rule, token by token from left to right with a forward pass before each, gives the same tokens
p(x_i | canvas, x_1 ... x_(i-1)). The gap of the step is the sum of log2 of the second over the
first, in bits: an empirical total correlation. 0 where the tokens do not matter to each other, far
below 0 where they contradict each other. Its terms are those of the commits; the first one's is 0.

Probabilities are float32 softmax(logits / T) with suppressed tokens left out, whatever the sampler
ranks by and however the choice is filtered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from pbench.decode.canvas import BatchCanvas, CanvasView, with_draft, with_rows
from pbench.decode.forwards import Pass
from pbench.decode.rows import Row
from pbench.decode.scores import Scoring
from pbench.interfaces import Denoiser
from pbench.samplers.tables import log_total

__all__ = ["GapMeter"]


class GapMeter:
    """Measures the steps of one engine, with at most `batch_size` canvases in a forward pass."""

    def __init__(self, denoiser: Denoiser, canvas: BatchCanvas, scoring: Scoring, batch_size: int):
        self.denoiser = denoiser
        self.canvas = canvas
        self.scoring = scoring
        self.batch_size = batch_size

    def measure(
        self, rows: Sequence[Row], found: Pass, commit: Tensor, tokens: Tensor, columns: Tensor
    ) -> Tensor:
        """Float32 [R, W]: bits of the masked positions that `commit` [R, W] marks; NaN elsewhere.

        The canvas is as it was before the step, `tokens` [R, W] are what is committed, `columns`
        [R, W] the answer positions, `found` what the step's own forward pass gave.
        """
        bits = torch.full(commit.shape, math.nan, device=commit.device)
        at = commit.nonzero()
        first = torch.ones(len(at), dtype=torch.bool, device=at.device)
        first[1:] = at[1:, 0] != at[:-1, 0]
        bits[at[first].unbind(1)] = 0.0
        places = _places(found, commit)
        for some in at[~first].split(self.batch_size):
            where = some.unbind(1)
            marginal = self._log2(found.logits[places[where]], tokens[where])
            bits[where] = self._after(commit, tokens, columns, some) - marginal
            for place in where[0].tolist():
                rows[place].nfe_gap += 1
        return bits

    def _after(self, commit: Tensor, tokens: Tensor, columns: Tensor, some: Tensor) -> Tensor:
        """Log2 probabilities [M] of the commits `some` [M, 2], each after those left of it: one pass."""
        rows, places = some.unbind(1)
        width = torch.arange(commit.shape[1], device=commit.device)
        earlier = commit[rows] & (width < places.unsqueeze(1))
        canvas = _written(self.canvas, rows, columns[rows], tokens[rows], earlier)
        asked = columns[rows, places] + self.canvas.answer_start
        positions = torch.stack([torch.arange(len(some), device=asked.device), asked], dim=1)
        return self._log2(self.denoiser.logits(canvas, positions), tokens[rows, places])

    def _log2(self, logits: Tensor, tokens: Tensor) -> Tensor:
        """Float32 [M]: log2 probabilities of `tokens` [M] under `logits` [M, V]."""
        scores = self.scoring.tempered(logits).float()
        natural = scores.gather(1, tokens.unsqueeze(1)).squeeze(1) - log_total(scores)
        return natural / math.log(2)


def _places(found: Pass, like: Tensor) -> Tensor:
    """Int64 [R, W]: in which row of the logits a position stands."""
    places = torch.zeros(like.shape, dtype=torch.long, device=like.device)
    places[found.index.unbind(1)] = torch.arange(len(found.index), device=like.device)
    return places


def _written(canvas: BatchCanvas, rows: Tensor, columns: Tensor, tokens: Tensor, where: Tensor) -> CanvasView:
    """The canvas rows `rows` [M] (one may come often) with `tokens` [M, W] where `where` says so."""
    view = with_rows(canvas, rows)
    old = view.ids.gather(1, columns + canvas.answer_start)
    return with_draft(view, columns, torch.where(where, tokens, old))
