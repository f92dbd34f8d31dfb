"""Canvases of a SEDD batch: which positions are drawn, what stands there, and what each row notes of it.

Padded on the right, so that every prompt starts at position 0. Shapes: R rows, L columns, N positions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pbench.models.sedd_network import SeddConfig
from pbench.models.traced import TracedRow

__all__ = ["SeddCanvas"]


class SeddCanvas:
    """`free` marks the positions after a row's prompt; they start as masks or as random tokens."""

    def __init__(self, rows: Sequence[TracedRow], config: SeddConfig, device: torch.device):
        self.rows = rows
        self.absorbs = config.absorbing
        self.mask_token_id = config.tokens
        self.lengths = torch.tensor([row.length for row in rows], device=device)
        longest = max(row.length for row in rows)
        columns = torch.arange(longest, device=device)
        starts = torch.tensor([len(row.prompt) for row in rows], device=device)
        self.free = (columns >= starts.unsqueeze(1)) & (columns < self.lengths.unsqueeze(1))
        prompts = [[*row.prompt, *[0] * (longest - len(row.prompt))] for row in rows]
        noise = self._noise(config.tokens)
        self.ids = torch.where(self.free, noise, torch.tensor(prompts, device=device))

    def _noise(self, tokens: int) -> Tensor:
        if self.absorbs:
            return torch.full_like(self.free, self.mask_token_id, dtype=torch.int64)
        return (self.uniforms() * tokens).long()

    def uniforms(self) -> Tensor:
        """Numbers in [0, 1) for every free position, from each row's own stream; float64 [R, L]."""
        found = torch.zeros(self.free.shape, dtype=torch.float64)
        for place, row in enumerate(self.rows):
            start = len(row.prompt)
            found[place, start : row.length] = torch.rand(
                row.length - start, generator=row.stream, dtype=torch.float64
            )
        return found.to(self.free.device)

    def drawn(self) -> Tensor:
        """Positions (row, column) [N, 2] that the next step may change."""
        return (self.free & (self.ids == self.mask_token_id) if self.absorbs else self.free).nonzero()

    def change(self, rows: Tensor, columns: Tensor, new: Tensor, confidence: Tensor) -> None:
        """Write the drawn tokens [N], and record those that are new."""
        changed = new != self.ids[rows, columns]
        self.ids[rows, columns] = new
        found = (value[changed].tolist() for value in (rows, columns, new, confidence))
        for place, column, token, score in zip(*found, strict=True):
            row = self.rows[place]
            row.record(column - len(row.prompt), token, score)

    def fail(self, rows: Tensor) -> None:
        """Note that the scores of these rows are no numbers."""
        for place in set(rows.tolist()):
            row = self.rows[place]
            row.failed_at = row.failed_at or row.nfe

    def answer(self, place: int) -> list[int]:
        """The answer ids of a row."""
        row = self.rows[place]
        return self.ids[place, len(row.prompt) : len(row.prompt) + row.sample.gen_length].tolist()
