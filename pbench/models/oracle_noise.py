"""Noise that is a function of a key, of what is revealed, of position and token: the same in any batch."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["state_keys", "tie_noise"]

# splitmix64 (Steele, Lea, Flood 2014): its increment and the steps of its finaliser.
_INCREMENT = 0x9E3779B97F4A7C15
_MIX_64 = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))
# lowbias32 (Wellons, "Prospecting for hash functions", 2018).
_MIX_32 = ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1))
_INCREMENT_32 = 0x9E3779B9


def state_keys(keys: Tensor, tokens: Tensor) -> Tensor:
    """Keys [Q] of states that show `tokens` [Q, G], from the keys [Q] of their samples.

    Another token or place makes another key: noise that stayed from step to step would decide, by the
    order in which positions are unmasked, what is proposed at the last of them.
    """
    places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device) << 32
    return keys + _mixed((places + tokens) * _signed(_INCREMENT, 64), _MIX_64, 64).sum(1)


def tie_noise(keys: Tensor, places: Tensor, vocab_size: int, size: float) -> Tensor:
    """Uniform numbers [N, V] in (-size, size), float32: those of `keys` [N] at `places` [N].

    A number does not depend on the size of the vocabulary.
    """
    seeds = _mixed(keys + (places + 1) * _signed(_INCREMENT, 64), _MIX_64, 64)
    tokens = torch.arange(1, vocab_size + 1, device=keys.device, dtype=torch.int32)
    bits = seeds.int().unsqueeze(1) + tokens * _signed(_INCREMENT_32, 32)
    centred = _logical_shift(_mixed(bits, _MIX_32, 32), 8, 32).float()  # 24 bits, all that float32 holds
    return centred.sub_(2.0**23 - 0.5).mul_(size / 2.0**23)


def _mixed(bits: Tensor, steps: tuple[tuple[int, int], ...], width: int) -> Tensor:
    """Xor-shifts and products in turn, in place: in large batches memory is what takes the time."""
    for shift, factor in steps:
        bits.bitwise_xor_(_logical_shift(bits, shift, width))
        if factor != 1:
            bits.mul_(_signed(factor, width))
    return bits


def _logical_shift(bits: Tensor, by: int, width: int) -> Tensor:
    """Right shift of signed integers of `width` bits without the sign, which torch carries along."""
    return (bits >> by).bitwise_and_((1 << (width - by)) - 1)


def _signed(value: int, width: int) -> int:
    """The signed integer of the same bits."""
    return value - (1 << width) if value >= 1 << (width - 1) else value
