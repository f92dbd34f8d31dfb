"""The token grid of a batch: prompts left-padded to one length, answer regions side by side.

Everything that depends on where a token stands (attention mask, position ids, block bounds)
lives here and nowhere else. R rows, L = answer_start + gen_length columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["BatchCanvas", "CanvasView", "with_draft", "with_rows", "with_shadow"]


@dataclass(frozen=True, slots=True)
class CanvasView:
    """A canvas made from another for one forward pass; see `pbench.interfaces.Canvas`."""

    ids: Tensor
    attention_mask: Tensor
    position_ids: Tensor
    prompt_lengths: Tensor
    answer_start: int
    length: int
    pair_mask: Tensor | None = None


class BatchCanvas:
    """Rows that come and go; the padding is never wider than the longest prompt present needs.

    `attention_mask` bool [R, L] is False on the padding in front of a prompt; `position_ids` int64
    [R, L] count from 0 at a row's first real token and are 0 on padding.
    """

    attention_mask: Tensor
    position_ids: Tensor

    def __init__(self, gen_length: int, mask_token_id: int, pad_token_id: int, device: torch.device):
        self.gen_length = gen_length
        self.mask_token_id = mask_token_id
        self.pad_token_id = pad_token_id
        self.device = device
        self.prompt_lengths = torch.zeros(0, dtype=torch.long, device=device)
        self.ids = torch.zeros(0, gen_length, dtype=torch.long, device=device)
        self.fixed = torch.zeros(0, gen_length, dtype=torch.bool, device=device)
        # Not by `_number`: its arithmetic, on the meta device, would import torch._dynamo (2 s).
        self.attention_mask = torch.zeros(0, gen_length, dtype=torch.bool, device=device)
        self.position_ids = torch.zeros(0, gen_length, dtype=torch.long, device=device)

    @property
    def answer_start(self) -> int:
        """Column of the first answer position."""
        return self.ids.shape[1] - self.gen_length

    @property
    def length(self) -> int:
        """Columns in all."""
        return self.ids.shape[1]

    @property
    def pair_mask(self) -> None:
        """Every position sees every real one."""
        return None

    @property
    def answers(self) -> Tensor:
        """View [R, gen_length] of the answer region."""
        return self.ids[:, self.answer_start :]

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
        self._number()

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these, and the padding that the rest no longer needs."""
        index = torch.tensor(list(rows), dtype=torch.long, device=self.device)
        self.ids = self.ids[index]
        self.fixed = self.fixed[index]
        self.prompt_lengths = self.prompt_lengths[index]
        self._resize(int(self.prompt_lengths.max()) if rows else 0)
        self._number()

    def _number(self) -> None:
        """Which columns are real, and each one's place in its row."""
        columns = torch.arange(self.length, device=self.device)
        places = columns - (self.answer_start - self.prompt_lengths).unsqueeze(1)
        self.attention_mask = places >= 0
        self.position_ids = places.clamp_min(0)

    def _resize(self, answer_start: int) -> None:
        grown = answer_start - self.answer_start
        if grown < 0:
            self.ids = self.ids[:, -grown:]
        elif grown > 0:
            self.ids = torch.nn.functional.pad(self.ids, (grown, 0), value=self.pad_token_id)


def with_rows(canvas: BatchCanvas, rows: Tensor) -> CanvasView:
    """Only the rows `rows` [r], in this order."""
    return CanvasView(
        canvas.ids[rows],
        canvas.attention_mask[rows],
        canvas.position_ids[rows],
        canvas.prompt_lengths[rows],
        canvas.answer_start,
        canvas.length,
    )


def with_draft(canvas: BatchCanvas | CanvasView, columns: Tensor, tokens: Tensor) -> CanvasView:
    """`tokens` [R, W] put at the answer positions `columns` [R, W]."""
    return CanvasView(
        canvas.ids.scatter(1, columns + canvas.answer_start, tokens),
        canvas.attention_mask,
        canvas.position_ids,
        canvas.prompt_lengths,
        canvas.answer_start,
        canvas.length,
    )


def with_shadow(canvas: BatchCanvas, columns: Tensor) -> CanvasView:
    """A second copy of the answer positions `columns` [R, W], all masks, beside the sequence.

    The sequence does not see the copy. A position of the copy sees the whole copy, and of the
    sequence everything real but the position that it mirrors (WINO, arXiv 2507.18578).
    """
    rows, width = columns.shape
    mirrored = columns + canvas.answer_start
    real = canvas.attention_mask
    seen = torch.zeros(
        rows, canvas.length + width, canvas.length + width, dtype=torch.bool, device=real.device
    )
    seen[:, :, : canvas.length] = real.unsqueeze(1)
    seen[:, canvas.length :, canvas.length :] = True
    shadow = torch.arange(canvas.length, canvas.length + width, device=real.device)
    seen[torch.arange(rows, device=real.device).unsqueeze(1), shadow, mirrored] = False
    masks = torch.full_like(columns, canvas.mask_token_id)
    return CanvasView(
        torch.cat([canvas.ids, masks], dim=1),
        torch.cat([real, torch.ones_like(masks, dtype=torch.bool)], dim=1),
        torch.cat([canvas.position_ids, canvas.position_ids.gather(1, mirrored)], dim=1),
        canvas.prompt_lengths,
        canvas.answer_start,
        canvas.length,
        seen,
    )
