"""The forward passes of one step: what is asked of the model, and what each row pays for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pbench.decode.caches import Cache
from pbench.decode.canvas import BatchCanvas, with_draft, with_shadow
from pbench.decode.rows import Row
from pbench.errors import PbenchError
from pbench.interfaces import Denoiser, Verifier

__all__ = ["Forwards", "Pass"]


@dataclass(frozen=True, slots=True)
class Pass:
    """What one forward pass gave: logits [N, V] for the positions in `index` [N, 2] (row, block position).

    `shadow_logits` [M, V] with `shadow_index` [M, 2] are those of masks in the place of committed
    tokens, where a sampler asks for them.
    """

    logits: Tensor
    index: Tensor
    shadow_logits: Tensor | None = None
    shadow_index: Tensor | None = None


class Forwards:
    """The denoiser and its helpers over one canvas."""

    def __init__(
        self, denoiser: Denoiser, canvas: BatchCanvas, verifier: Verifier | None, cache: Cache | None
    ):
        self.denoiser = denoiser
        self.canvas = canvas
        self.verifier = verifier
        self.cache = cache

    def plain(self, rows: Sequence[Row], columns: Tensor, asked: Tensor) -> Pass:
        """Logits where `asked` [R, W] says so; `columns` [R, W] are the answer positions of the blocks."""
        index = asked.nonzero()
        positions = self._positions(index, columns)
        if self.cache is not None:
            return Pass(self.cache.logits(self.canvas, rows, positions), index)
        self._count(rows, 0)
        return Pass(self.denoiser.logits(self.canvas, positions), index)

    def shadowed(self, rows: Sequence[Row], columns: Tensor, asked: Tensor, committed: Tensor) -> Pass:
        """The same, and what a mask would say in the place of each token that `committed` [R, W] marks."""
        index, shadow_index = asked.nonzero(), committed.nonzero()
        shadow = torch.stack([shadow_index[:, 0], shadow_index[:, 1] + self.canvas.length], dim=1)
        positions = torch.cat([self._positions(index, columns), shadow])
        logits = self.denoiser.logits(with_shadow(self.canvas, columns), positions)
        self._count(rows, columns.shape[1])
        return Pass(logits[: len(index)], index, logits[len(index) :], shadow_index)

    def verify(self, rows: Sequence[Row], columns: Tensor, index: Tensor, draft: Tensor) -> Tensor:
        """The verifier's log probabilities [N, V] at `index` with `draft` [R, W] on the canvas.

        Tokens that the verifier does not have are -inf; those that only it has are cut.
        """
        if self.verifier is None:
            raise PbenchError("a bug in a sampler: it asks for a verifier without Traits.verifier")
        canvas = with_draft(self.canvas, columns, draft)
        found = self.verifier.log_probs(canvas, self._positions(index, columns))
        for place in index[:, 0].unique().tolist():
            rows[place].nfe_aux += 1
        short = self.denoiser.vocab_size - found.shape[1]
        if short == 0:
            return found.float()
        return torch.nn.functional.pad(found.float(), (0, short), value=-torch.inf)

    def _positions(self, index: Tensor, columns: Tensor) -> Tensor:
        """Canvas (row, column) [N, 2] of block positions."""
        rows, places = index.unbind(1)
        return torch.stack([rows, columns[rows, places] + self.canvas.answer_start], dim=1)

    def _count(self, rows: Sequence[Row], extra: int) -> None:
        for row in rows:
            row.count_tokens(row.length + extra, row.length + extra)
