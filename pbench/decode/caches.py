"""Prefix and dual cache (Fast-dLLM, arXiv 2505.22618, section 3.2): stale keys and values for speed.

The first forward pass of a block is a full one; its logits drive the block's first commit, and the
model keeps what it computed. Later passes of the block compute the columns from the block's start
on (prefix) or those of the block alone (dual), against what is kept of the others. Rows stand at
different blocks, so a step is up to two passes of parts of the batch; a row takes part in one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from pbench.decode.canvas import BatchCanvas, with_rows
from pbench.decode.options import CacheKind
from pbench.decode.rows import Row
from pbench.decode.stores import BlockStore
from pbench.interfaces import CacheUse, Canvas, Denoiser

__all__ = ["BlockCache", "Cache", "open_cache"]


class Cache(Protocol):
    """Forward passes that compute less than the whole canvas."""

    def logits(self, canvas: BatchCanvas, rows: Sequence[Row], positions: Tensor) -> Tensor:
        """Logits [N, V] for `positions` [N, 2] (row, column); counts the tokens of each row."""
        ...


def open_cache(denoiser: Denoiser, kind: CacheKind, *, blocks: int) -> Cache | None:
    """The cache of an answer of so many blocks; None where there is nothing to keep.

    One block of a model that sees everything has no finished part whose keys could be kept; a
    block-causal model has its prompt.
    """
    if kind == "none":
        return None
    if denoiser.capabilities.block_causal is not None:
        return BlockStore(denoiser, denoiser.capabilities.block_causal)
    return BlockCache(denoiser, kind) if blocks > 1 else None


class BlockCache:
    """The model's memory of one batch, and which columns each row computes anew."""

    def __init__(self, denoiser: Denoiser, kind: CacheKind):
        self.denoiser = denoiser
        self.kind = kind
        self.memory = denoiser.new_cache()

    def logits(self, canvas: BatchCanvas, rows: Sequence[Row], positions: Tensor) -> Tensor:
        """Logits [N, V] for `positions` [N, 2] (row, column); counts the tokens of each row."""
        warm = torch.tensor([row.number == 0 for row in rows], device=canvas.device)
        if bool(warm.all()) or not bool(warm.any()):
            return self._forward(canvas, rows, positions)
        logits = None
        for part in (warm, ~warm):
            places = part.nonzero().squeeze(1)
            mine = part[positions[:, 0]]
            moved = positions[mine]
            moved[:, 0] = (part.cumsum(0) - 1)[moved[:, 0]]
            found = self._forward(with_rows(canvas, places), [rows[i] for i in places.tolist()], moved)
            if logits is None:
                logits = found.new_empty(len(positions), found.shape[1])
            logits[mine] = found
        assert logits is not None
        return logits

    def _forward(self, canvas: Canvas, rows: Sequence[Row], positions: Tensor) -> Tensor:
        spans = [self._span(row, canvas) for row in rows]
        for row, (start, stop) in zip(rows, spans, strict=True):
            row.count_tokens(row.length if start == 0 else stop - start, row.length)
        places = torch.tensor([(row.slot, *span) for row, span in zip(rows, spans, strict=True)])
        slots, begin, end = places.to(positions.device).unbind(1)
        return self.denoiser.logits(canvas, positions, CacheUse(self.memory, slots, begin, end))

    def _span(self, row: Row, canvas: Canvas) -> tuple[int, int]:
        """Canvas columns from (inclusive) and to (exclusive) which this row is computed."""
        if row.number == 0:
            return 0, canvas.length
        start = canvas.answer_start + row.start
        return start, canvas.length if self.kind == "prefix" else start + row.block_length
