"""The token grid of a batch: prompts left-padded to one length, answer regions side by side.

Everything that depends on where a token stands (attention mask, position ids, block bounds)
lives here and nowhere else. R rows, L = answer_start + gen_length columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["BatchCanvas"]


class BatchCanvas:
    """Rows that come and go; the padding is never wider than the longest prompt present needs."""

    def __init__(self, gen_length: int, mask_token_id: int, pad_token_id: int, device: torch.device):
        self.gen_length = gen_length
        self.mask_token_id = mask_token_id
        self.pad_token_id = pad_token_id
        self.device = device
        self.prompt_lengths = torch.zeros(0, dtype=torch.long, device=device)
        self.ids = torch.zeros(0, gen_length, dtype=torch.long, device=device)
        self.fixed = torch.zeros(0, gen_length, dtype=torch.bool, device=device)

    @property
    def answer_start(self) -> int:
        """Column of the first answer position."""
        return self.ids.shape[1] - self.gen_length

    @property
    def attention_mask(self) -> Tensor:
        """Bool [R, L]: False on the padding in front of a prompt."""
        return self._columns >= self._padding

    @property
    def position_ids(self) -> Tensor:
        """Int64 [R, L], counted from 0 at a row's first real token; 0 on padding."""
        return (self._columns - self._padding).clamp_min(0)

    @property
    def answers(self) -> Tensor:
        """View [R, gen_length] of the answer region."""
        return self.ids[:, self.answer_start :]

    @property
    def _columns(self) -> Tensor:
        return torch.arange(self.ids.shape[1], device=self.device)

    @property
    def _padding(self) -> Tensor:
        return (self.answer_start - self.prompt_lengths).unsqueeze(1)

    def extend(self, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]) -> None:
        """Append rows; an answer is `gen_length` ids, mask_token_id where it is to be unmasked.

        What is not masked now is `fixed` [R, gen_length]: given, and never to be touched.
        """
        if not prompts:
            return
        lengths = torch.tensor([len(prompt) for prompt in prompts], device=self.device)
        self._resize(max(self.answer_start, int(lengths.max())))
        rows = [
            [self.pad_token_id] * (self.answer_start - len(prompt)) + [*prompt, *answer]
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        joined = torch.tensor(rows, dtype=torch.long, device=self.device)
        self.ids = torch.cat([self.ids, joined])
        self.fixed = torch.cat([self.fixed, joined[:, self.answer_start :] != self.mask_token_id])
        self.prompt_lengths = torch.cat([self.prompt_lengths, lengths])

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these, and the padding that the rest no longer needs."""
        index = torch.tensor(list(rows), dtype=torch.long, device=self.device)
        self.ids = self.ids[index]
        self.fixed = self.fixed[index]
        self.prompt_lengths = self.prompt_lengths[index]
        self._resize(int(self.prompt_lengths.max()) if rows else 0)

    def _resize(self, answer_start: int) -> None:
        grown = answer_start - self.answer_start
        if grown < 0:
            self.ids = self.ids[:, -grown:]
        elif grown > 0:
            self.ids = torch.nn.functional.pad(self.ids, (grown, 0), value=self.pad_token_id)
