"""Fast-dLLM v2: Qwen2.5, block-causal in blocks of 32, with a shifted head (arXiv 2509.26328).

The prediction of a block's first position is read off the last one of the block before, as
everywhere in a shifted head. Its own decoder commits that token at once, whatever its probability;
here the sampler decides on it as on any other.
"""

from __future__ import annotations

import torch

from pbench.models.chat import CHATML
from pbench.models.checkpoint import Checkpoint, Config
from pbench.models.masked import Family, MaskedDenoiser, SpecialIds, load_masked
from pbench.models.qwen import qwen2_shape

__all__ = ["FAST_DLLM", "load"]


def block_length(config: Config, name: str) -> int:  # noqa: ARG001 - config.json says it
    """`bd_size` in published files, `block_size` or `block_length` elsewhere; 32 where it is missing."""
    named = config.size("block_size", config.size("block_length", 32))
    return config.size("bd_size", named)


FAST_DLLM = Family(
    name="fast-dllm-v2",
    shape=qwen2_shape,
    chat=CHATML,
    published=SpecialIds(mask=151665, eos=151645, pad=151645),
    shifted=True,
    block=block_length,
)


def load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None) -> MaskedDenoiser:
    """See `pbench.models.masked.load_masked`."""
    return load_masked(checkpoint, FAST_DLLM, device, dtype)
