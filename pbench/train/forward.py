"""Differentiable logits of masked answer tokens, as the decoder will see the canvas.

Models that see everything get one canvas. Block-causal ones get two copies of the answer: the clean
one in its place, and beside it the masked one, of which each block sees the clean blocks before it
and itself (arXiv 2503.09573). One pass so trains every block as decoding will meet it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pbench.decode.canvas import CanvasView
from pbench.errors import UsageError
from pbench.interfaces import Denoiser
from pbench.models.masked import MaskedDenoiser
from pbench.models.tiny import TinyDenoiser
from pbench.train.examples import Batch

__all__ = ["Tunable", "masked_logits", "require_tunable"]

Tunable = TinyDenoiser | MaskedDenoiser


def require_tunable(model: object) -> Tunable:
    """The model; UsageError for one that is not a masked-diffusion network of ours."""
    if isinstance(model, Tunable):
        return model
    name, family = getattr(model, "name", model), getattr(model, "family", "")
    raise UsageError(f"--model {name}: models of the family {family} cannot be fine-tuned here")


def masked_logits(denoiser: Tunable, batch: Batch, masked: Tensor) -> Tensor:
    """Logits [N, V] at the N places of `masked` bool [R, G], row by row; the mask token is -inf."""
    device = denoiser.device
    noisy = batch.answers.masked_fill(masked, denoiser.mask_token_id)
    canvas = _canvas(denoiser, batch.prompts, noisy)
    wanted = masked.nonzero().to(device)
    if isinstance(denoiser, TinyDenoiser):
        logits = _tiny(denoiser, canvas, wanted)
    elif denoiser.block is None:
        positions = torch.stack([wanted[:, 0], wanted[:, 1] + canvas.answer_start], dim=1)
        logits = _plain(denoiser, canvas, denoiser.read_at(canvas, positions))
    else:
        logits = _beside(denoiser, canvas, batch.answers.to(device), wanted)
    barred = torch.arange(logits.shape[1], device=device) == denoiser.mask_token_id
    return logits.float().masked_fill(barred, -torch.inf)


def _canvas(denoiser: Denoiser, prompts: list[list[int]], answers: Tensor) -> CanvasView:
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=denoiser.device)
    start = int(lengths.max())
    left = torch.tensor([[denoiser.pad_token_id] * (start - len(prompt)) + prompt for prompt in prompts])
    ids = torch.cat([left, answers], dim=1).to(denoiser.device)
    places = torch.arange(ids.shape[1], device=denoiser.device) - (start - lengths).unsqueeze(1)
    return CanvasView(ids, places >= 0, places.clamp_min(0), lengths, start, ids.shape[1])


def _tiny(denoiser: TinyDenoiser, canvas: CanvasView, wanted: Tensor) -> Tensor:
    network, start = denoiser.network, canvas.answer_start
    hidden = network.hidden(canvas.ids, canvas.attention_mask, canvas.position_ids, start)
    positions = torch.stack([wanted[:, 0], wanted[:, 1] + start], dim=1)
    return network.head(hidden, positions, canvas.ids, canvas.attention_mask, start)


def _plain(denoiser: MaskedDenoiser, canvas: CanvasView, read_at: Tensor) -> Tensor:
    network = denoiser.network
    return network.head(network(canvas.ids, canvas.position_ids, denoiser.seen(canvas), read_at))


def _beside(denoiser: MaskedDenoiser, canvas: CanvasView, clean: Tensor, wanted: Tensor) -> Tensor:
    """Logits with the masked answer beside the clean one.

    Prompt tokens in the answer's first block are beside it too: in their clean place they see the
    clean tokens of that block, which its masked ones must not learn of.
    """
    assert denoiser.block is not None
    start, length = canvas.answer_start, canvas.length
    first = max(0, start - denoiser.block + 1)
    extra = torch.arange(first, length, device=canvas.ids.device)
    blocks, real = canvas.position_ids // denoiser.block, canvas.attention_mask
    own, present = blocks[:, extra], real[:, extra]
    to_main = real.unsqueeze(1) & ((blocks.unsqueeze(1) < own.unsqueeze(2)) | ~present.unsqueeze(2))
    to_extra = present.unsqueeze(1) & (own.unsqueeze(1) == own.unsqueeze(2))
    nothing = real.new_zeros(len(real), length, len(extra))
    upper = torch.cat([real.unsqueeze(1).expand(-1, length, -1), nothing], dim=2)
    both = CanvasView(
        torch.cat([canvas.ids[:, :start], clean, canvas.ids[:, extra]], dim=1),
        real,
        torch.cat([canvas.position_ids, canvas.position_ids[:, extra]], dim=1),
        canvas.prompt_lengths,
        start,
        length,
        torch.cat([upper, torch.cat([to_main, to_extra], dim=2)], dim=1),
    )
    rows, column = wanted[:, 0], start + wanted[:, 1]
    beside = length - first
    if denoiser.shifted:  # off the position before: the clean one where that is in an earlier block
        same = blocks[rows, column] == blocks[rows, column - 1]
        column = torch.where(same, column - 1 + beside, column - 1)
    else:
        column = column + beside
    return _plain(denoiser, both, torch.stack([rows, column], dim=1))
