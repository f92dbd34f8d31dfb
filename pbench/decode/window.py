"""The part of the answers that one step decides on: each row's current block, side by side.

R rows, W positions: the window of a row is its block, or holds it where a block is cut short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pbench.decode.canvas import BatchCanvas
from pbench.decode.rows import Row

__all__ = ["Window", "open_window"]


@dataclass(frozen=True, slots=True)
class Window:
    """True from the moment that a row's block begins until some row goes on or leaves.

    `columns` int64 [R, W] are answer positions, `inside` bool [R, W] says which are of the block and
    `fixed` bool [R, W] which no sampler may touch: what is given, and what is not of the block.
    """

    columns: Tensor
    inside: Tensor
    fixed: Tensor


def open_window(rows: Sequence[Row], canvas: BatchCanvas, width: int) -> Window:
    """The window of `width` positions of the rows as they stand."""
    places = torch.tensor([(row.start, *row.bounds) for row in rows], device=canvas.device)
    start, first, end = (part.unsqueeze(1) for part in places.unbind(1))
    columns = start + torch.arange(width, device=canvas.device)
    inside = (columns >= first) & (columns < end)
    return Window(columns, inside, canvas.fixed.gather(1, columns) | ~inside)
