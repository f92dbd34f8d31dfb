"""What a backbone keeps between forward passes: keys and values by slot and position.

A position counts from 0 at a row's first real token, so that padding may change from pass to pass.
R rows, Q columns that a pass computes, K positions that it attends to.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pbench.interfaces import CacheUse, Canvas
from pbench.models.backbone import Shape

__all__ = ["KeyValues", "Span"]


class KeyValues:
    """Rotated keys, and values, of every layer: [slots, positions, kv_heads, head_dim] each.

    One position more than any row has takes what is computed for places that are none.
    """

    def __init__(self, shape: Shape, like: Tensor):
        self.keys = like.new_zeros(shape.layers, 0, 1, shape.kv_heads, shape.head_dim)
        self.values = self.keys.clone()

    @property
    def nowhere(self) -> int:
        """The position that takes what is kept nowhere."""
        return self.keys.shape[2] - 1

    def forget(self, slots: Tensor) -> None:
        """Empty these slots; what an earlier row left there could hold NaN."""
        self.keys[:, slots] = 0.0
        self.values[:, slots] = 0.0

    def reserve(self, slots: int, positions: int) -> None:
        """Make room for this many slots and positions; what is stored stays."""
        rows, length = max(slots, self.keys.shape[1]), max(positions, self.nowhere) + 1
        if (rows, length) != self.keys.shape[1:3]:
            self.keys, self.values = (_grown(old, rows, length) for old in (self.keys, self.values))


def _grown(old: Tensor, rows: int, length: int) -> Tensor:
    new = old.new_zeros(old.shape[0], rows, length, *old.shape[3:])
    new[:, : old.shape[1], : old.shape[2] - 1] = old[:, :, :-1]
    return new


class Span:
    """The columns of one cached pass, and where in the memory they belong.

    With `reach` 1 the column before each row's span is computed too, but not stored: a head that
    predicts the next token reads the first column's logits there.
    """

    def __init__(self, memory: KeyValues, canvas: Canvas, use: CacheUse, reach: int = 0):
        padding = (canvas.answer_start - canvas.prompt_lengths).unsqueeze(1)
        self.memory = memory
        self.total = canvas.length - padding  # [R, 1] real positions of each row
        self.longest = int(self.total.max())
        memory.reserve(int(use.slots.max()) + 1, self.longest)
        memory.forget(use.slots[use.start == 0])
        self.slots = use.slots
        self.first = (use.start - reach).clamp_min(0)  # [R]
        width = int((use.stop - self.first).max())
        columns = self.first.unsqueeze(1) + torch.arange(width, device=padding.device)
        stored = (
            (columns >= use.start.unsqueeze(1)) & (columns < use.stop.unsqueeze(1)) & (columns >= padding)
        )
        self.columns = columns.clamp_max(canvas.length - 1)  # [R, Q]
        self.position_ids = (self.columns - padding).clamp_min(0)
        self.places = (columns - padding).masked_fill(~stored, memory.nowhere)

    def exchange(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store the pass's keys and values [R, Q, kv_heads, head_dim]; all [R, K, ...] that the rows have."""
        return self._exchange(self.memory.keys[layer], keys), self._exchange(
            self.memory.values[layer], values
        )

    def _exchange(self, kept: Tensor, new: Tensor) -> Tensor:
        kept[self.slots.unsqueeze(1), self.places] = new
        return kept[self.slots, : self.longest]

    def allowed(self, block: int | None) -> Tensor:
        """Bool [R, 1, 1 or Q, K]: stored positions that a row has; with `block` none of a later block."""
        at = torch.arange(self.longest, device=self.total.device)
        real = (at < self.total)[:, None, None, :]
        if block is None:
            return real
        return real & (at // block <= self.position_ids.unsqueeze(-1) // block).unsqueeze(1)
