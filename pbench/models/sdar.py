"""SDAR and TraDo (arXiv 2510.06303, 2509.06949): Qwen3 that sees earlier blocks and its own."""

from __future__ import annotations

import re

import torch

from pbench.models.chat import CHATML
from pbench.models.checkpoint import Checkpoint, Config
from pbench.models.masked import Family, MaskedDenoiser, SpecialIds, load_masked
from pbench.models.qwen import qwen3_shape

__all__ = ["SDAR", "load"]


def block_length(config: Config, name: str) -> int:
    """`block_size` or `block_length`; where both are missing 4, unless the name ends in -bN."""
    named = re.search(r"-b(\d+)$", name)
    return config.size("block_size", config.size("block_length", int(named[1]) if named else 4))


SDAR = Family(
    name="sdar",
    shape=qwen3_shape,
    chat=CHATML,
    published=SpecialIds(mask=151669, eos=151643, pad=151643),
    block=block_length,
)


def load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None) -> MaskedDenoiser:
    """See `pbench.models.masked.load_masked`."""
    return load_masked(checkpoint, SDAR, device, dtype)
