"""The bundled model's other ways through its network: with columns beside the sequence, and cached.

Both use the parameters of `TinyNetwork` and differ from its plain path only in where a position
finds its neighbours (the 3-tap mix) and its keys and values.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pbench.interfaces import CacheUse, Canvas
from pbench.models.tiny_network import Block, Mix, TinyNetwork

__all__ = ["TinyMemory", "beside_hidden", "cached_logits"]


def beside_hidden(network: TinyNetwork, canvas: Canvas) -> Tensor:
    """Hidden states [R, L, d] of a canvas with extra columns, who sees whom by its `pair_mask`.

    An extra column's neighbours are those of its position in the sequence; the sequence itself
    mixes as if the extra columns were not there.
    """
    assert canvas.pair_mask is not None
    start, length = canvas.answer_start, canvas.length
    prompts = canvas.prompt_lengths.unsqueeze(1)
    places = network.answer_position(canvas.position_ids[:, start:] - prompts)
    prompt = network.prompt_position(canvas.position_ids[:, :start])
    x = network.embed(canvas.ids) + torch.cat([prompt, places], dim=1)
    real = canvas.attention_mask.unsqueeze(-1).to(x.dtype)
    mirrored = canvas.position_ids[:, length:] + start - prompts
    allowed = canvas.pair_mask.unsqueeze(1)
    for block in network.blocks:
        assert isinstance(block, Block)
        h = block.attn_norm(x) * real
        main, extra = h[:, :length], h[:, length:]
        left = _at(main, mirrored - 1)
        right = _at(main, mirrored + 1)
        mixed = torch.cat([block.mix(main), _mix(block.mix, extra, left, right)], dim=1)
        x = block.update(x, *block.project(mixed), allowed)
    return network.norm(x)


class TinyMemory:
    """What the cached path keeps, by slot and position (0 = a row's first real token).

    For each layer the mix inputs, keys and values; and the pointer's keys. One position more than
    any row has takes what is computed for places that are none.
    """

    def __init__(self, network: TinyNetwork):
        self.layers, self.width = len(network.blocks), network.config.hidden_size
        like = network.embed.weight
        self.mix = like.new_zeros(self.layers, 0, 1, self.width)
        self.keys = self.mix.clone()
        self.values = self.mix.clone()
        self.pointer = like.new_zeros(1, 0, 1, self.width)

    @property
    def nowhere(self) -> int:
        """The position that takes what is kept nowhere."""
        return self.pointer.shape[2] - 1

    def forget(self, slots: Tensor) -> None:
        """Empty these slots; what an earlier row left there could hold NaN."""
        for kept in (self.mix, self.keys, self.values, self.pointer):
            kept[:, slots] = 0.0

    def reserve(self, slots: int, positions: int) -> None:
        """Make room for this many slots and positions; what is stored stays."""
        rows = max(slots, self.pointer.shape[1])
        length = max(positions, self.nowhere) + 1
        if (rows, length) == self.pointer.shape[1:3]:
            return
        for name in ("mix", "keys", "values", "pointer"):
            old = getattr(self, name)
            new = old.new_zeros(old.shape[0], rows, length, self.width)
            new[:, : old.shape[1], : old.shape[2] - 1] = old[:, :, :-1]
            setattr(self, name, new)


def cached_logits(
    network: TinyNetwork, memory: TinyMemory, canvas: Canvas, positions: Tensor, use: CacheUse
) -> Tensor:
    """Logits [N, V] at `positions`, with the columns of `use` computed anew, the rest from memory."""
    span = _Span(memory, canvas, use)
    columns = span.columns.clamp_max(canvas.length - 1)
    answer = (columns - canvas.answer_start).clamp_min(0)
    prompt = span.positions.clamp_max(network.config.max_prompt_length - 1)
    places = torch.where(
        (columns < canvas.answer_start).unsqueeze(-1),
        network.prompt_position(prompt),
        network.answer_position(answer),
    )
    x = network.embed(canvas.ids.gather(1, columns)) + places
    for number, block in enumerate(network.blocks):
        assert isinstance(block, Block)
        x = _cached_block(block, x, memory, number, span)
    hidden = network.norm(x)
    memory.pointer[0, span.slots, span.positions] = network.pointer_key(hidden)
    padding = canvas.answer_start - canvas.prompt_lengths
    prompt_columns = torch.arange(canvas.answer_start, device=padding.device) - padding.unsqueeze(1)
    keys = memory.pointer[0, span.slots, prompt_columns.clamp_min(0)]
    scores = network.pointer(hidden, keys, canvas.attention_mask[:, : canvas.answer_start])
    rows, wanted = positions.unbind(1)
    at = wanted - use.start[rows]
    return network.share(hidden[rows, at], scores[rows, at], canvas.ids[rows, : canvas.answer_start])


class _Span:
    """Which columns a pass computes, and where in the memory they belong; Q = the longest row's."""

    def __init__(self, memory: TinyMemory, canvas: Canvas, use: CacheUse):
        padding = (canvas.answer_start - canvas.prompt_lengths).unsqueeze(1)
        self.total = canvas.length - padding  # [R, 1] real positions of each row
        self.longest = int(self.total.max())
        memory.reserve(int(use.slots.max()) + 1, self.longest)
        width = int((use.stop - use.start).max())
        memory.forget(use.slots[use.start == 0])
        self.slots = use.slots.unsqueeze(1)
        self.columns = use.start.unsqueeze(1) + torch.arange(width, device=padding.device)
        self.live = (self.columns < use.stop.unsqueeze(1)) & (self.columns >= padding)
        self.positions = (self.columns - padding).masked_fill(~self.live, memory.nowhere)

    def allowed(self) -> Tensor:
        """Bool [R, 1, 1, longest]: stored positions that a row has."""
        return (torch.arange(self.longest, device=self.total.device) < self.total)[:, None, None, :]


def _cached_block(block: Block, x: Tensor, memory: TinyMemory, number: int, span: _Span) -> Tensor:
    h = block.attn_norm(x) * span.live.unsqueeze(-1)
    mix = memory.mix[number]
    mix[span.slots, span.positions] = h
    left, right = span.positions - 1, span.positions + 1
    before = mix[span.slots, left.clamp_min(0)].masked_fill((left < 0).unsqueeze(-1), 0.0)
    past = right >= span.total
    after = mix[span.slots, right.masked_fill(past, 0)].masked_fill(past.unsqueeze(-1), 0.0)
    q, k, v = block.project(_mix(block.mix, h, before, after))
    stored = []
    for kept, new in ((memory.keys[number], k), (memory.values[number], v)):
        kept[span.slots, span.positions] = new.transpose(1, 2).flatten(2)
        rows = kept[span.slots.squeeze(1), : span.longest]
        stored.append(rows.unflatten(2, (block.heads, -1)).transpose(1, 2))
    return block.update(x, q, stored[0], stored[1], span.allowed())


def _mix(mix: Mix, x: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """`Mix` with the neighbours of each position given; all [R, Q, d]."""
    return torch.addcmul(torch.addcmul(x, left, mix.left), right, mix.right)


def _at(x: Tensor, columns: Tensor) -> Tensor:
    """x [R, L, d] at `columns` [R, W], zero where there is no such column."""
    outside = (columns < 0) | (columns >= x.shape[1])
    rows = torch.arange(len(x), device=x.device).unsqueeze(1)
    return x[rows, columns.masked_fill(outside, 0)].masked_fill(outside.unsqueeze(-1), 0.0)
