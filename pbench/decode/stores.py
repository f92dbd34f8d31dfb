"""The store of a block-causal model (SDAR, arXiv 2510.06303): finished blocks, kept for good.

No position sees a later block, so that keys and values of a finished one never change, and an
answer is the same with and without the store. Blocks are counted from the prompt's start: the
prompt's last tokens may be part of the first decoded block. A pass that stores finished blocks
gives no logits; it counts as nfe_prefill if it is a row's first, else as nfe_store, and not as nfe.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pbench.decode.canvas import BatchCanvas, with_rows
from pbench.decode.rows import Row
from pbench.interfaces import CacheUse, Canvas, Denoiser

__all__ = ["BlockStore"]


class BlockStore:
    """The model's memory of one batch; `block` is the model's block length, which no sampler changes."""

    def __init__(self, denoiser: Denoiser, block: int):
        self.denoiser = denoiser
        self.block = block
        self.memory = denoiser.new_cache()

    def logits(self, canvas: BatchCanvas, rows: Sequence[Row], positions: Tensor) -> Tensor:
        """Logits [N, V] for `positions` [N, 2] (row, column) of the rows' current blocks."""
        behind = [place for place, row in enumerate(rows) if row.stored < self._block_of(row)[0]]
        for places in ([p for p in behind if not rows[p].stored], [p for p in behind if rows[p].stored]):
            if places:
                self._store(canvas, rows, places)
        return self._forward(canvas, rows, [self._block_of(row) for row in rows], positions)

    def _store(self, canvas: BatchCanvas, rows: Sequence[Row], places: Sequence[int]) -> None:
        """Keep what is finished and not stored yet of the rows at `places`."""
        chosen = [rows[place] for place in places]
        spans = [(row.stored, self._block_of(row)[0]) for row in chosen]
        nothing = torch.zeros(0, 2, dtype=torch.long, device=canvas.device)
        index = torch.tensor(places, device=canvas.device)
        self._forward(with_rows(canvas, index), chosen, spans, nothing)
        for row, (start, stop) in zip(chosen, spans, strict=True):
            row.stored = stop
            row.nfe_prefill += start == 0
            row.nfe_store += start > 0

    def _forward(
        self, canvas: Canvas, rows: Sequence[Row], spans: Sequence[tuple[int, int]], positions: Tensor
    ) -> Tensor:
        """One pass over the positions `spans` (from, to) of each row, counted from its first token."""
        places = []
        for row, (start, stop) in zip(rows, spans, strict=True):
            row.count_tokens(stop - start, stop)
            padding = canvas.answer_start - len(row.prompt)
            places.append((row.slot, start + padding if start else 0, stop + padding))
        slots, begin, end = torch.tensor(places, device=positions.device).unbind(1)
        return self.denoiser.logits(canvas, positions, CacheUse(self.memory, slots, begin, end))

    def _block_of(self, row: Row) -> tuple[int, int]:
        """The model's block in which the row's current block lies, in positions of its sequence."""
        start = (len(row.prompt) + row.bounds[0]) // self.block * self.block
        return start, min(start + self.block, row.length)
