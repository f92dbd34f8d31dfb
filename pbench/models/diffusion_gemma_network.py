"""transformers' DiffusionGemma as two calls: encode tokens into a batch's memory, decode a canvas over it.

Rows are padded on the left, with position ids of their own, so that a row's logits are those that it
has alone. R rows, L columns encoded so far, C canvas positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor

__all__ = ["GemmaBatch", "GemmaNetwork"]


class GemmaNetwork:
    """`model` is a DiffusionGemmaForBlockDiffusion; an answer ends with one of `eos_token_ids`."""

    def __init__(self, model: Any, eos_token_ids: Iterable[int]):
        text = model.config.text_config
        self.model = model.eval()
        self.canvas_length: int = model.config.canvas_length
        self.vocab_size: int = text.vocab_size
        self.max_length: int = text.max_position_embeddings
        self.eos_token_ids = frozenset(eos_token_ids)
        self.pad_token_id: int = text.pad_token_id or 0
        self.device: torch.device = model.device

    def start(self, prompts: Sequence[Sequence[int]]) -> GemmaBatch:
        """A batch with its prompts encoded."""
        longest = max(map(len, prompts))
        ids = [[self.pad_token_id] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
        seen = [[False] * (longest - len(prompt)) + [True] * len(prompt) for prompt in prompts]
        batch = GemmaBatch(self, len(prompts))
        batch.encode(torch.tensor(ids, device=self.device), torch.tensor(seen, device=self.device))
        return batch


class GemmaBatch:
    """What the encoder has kept of each row: `lengths` [R] real tokens."""

    def __init__(self, network: GemmaNetwork, rows: int):
        from transformers import DynamicCache

        self.network = network
        self.cache = DynamicCache(config=network.model.config.text_config)
        self.seen = torch.zeros(rows, 0, dtype=torch.bool, device=network.device)
        self.lengths = torch.zeros(rows, dtype=torch.int64, device=network.device)

    def encode(self, ids: Tensor, real: Tensor) -> None:
        """Take in tokens [R, W], those that are `real`."""
        model = self.network.model
        self.seen = torch.cat([self.seen, real], 1)
        position_ids = (self.lengths.unsqueeze(1) + real.cumsum(1) - 1).clamp_min(0)
        masks = model.model.encoder.create_masks_for_generate(
            config=model.config,
            inputs_embeds=torch.empty(*ids.shape, 0, dtype=model.dtype, device=ids.device),
            attention_mask=self.seen,
            past_key_values=self.cache,
            position_ids=position_ids,
        )
        model.model.encoder(
            input_ids=ids, attention_mask=masks, position_ids=position_ids, past_key_values=self.cache
        )
        self.lengths = self.lengths + real.sum(1)

    def logits(self, canvas: Tensor, last: Tensor | None) -> Tensor:
        """float32 [R, C, V] of a canvas [R, C], given the `last` logits of it where there are any."""
        model = self.network.model
        columns = torch.arange(canvas.shape[1], device=canvas.device)
        out = model(
            decoder_input_ids=canvas,
            past_key_values=self.cache,
            self_conditioning_logits=last if last is None else last.to(model.dtype),
            decoder_attention_mask=torch.cat([self.seen, torch.ones_like(canvas, dtype=torch.bool)], 1),
            decoder_position_ids=self.lengths.unsqueeze(1) + columns,
        )
        return out.logits

    def of(self, rows: Tensor) -> GemmaBatch:
        """These rows [W] alone, in memory of their own."""
        found = GemmaBatch(self.network, len(rows))
        found.seen, found.lengths = self.seen[rows], self.lengths[rows]
        found.cache = copy(self.cache)
        found.cache.layers = [copy(layer) for layer in self.cache.layers]
        for layer in found.cache.layers:
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]
        return found
