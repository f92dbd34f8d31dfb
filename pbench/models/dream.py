"""Dream-v0, Dream-Coder, DiffuCoder (arXiv 2508.15487): Qwen2.5 that sees everything, its head shifted."""

from __future__ import annotations

import torch

from pbench.models.chat import CHATML
from pbench.models.checkpoint import Checkpoint
from pbench.models.masked import Family, MaskedDenoiser, SpecialIds, load_masked
from pbench.models.qwen import qwen2_shape

__all__ = ["DREAM", "load"]

DREAM = Family(
    name="dream",
    shape=qwen2_shape,
    chat=CHATML,
    published=SpecialIds(mask=151666, eos=151643, pad=151643),
    shifted=True,
    compat_schedule="dream",
)


def load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None) -> MaskedDenoiser:
    """See `pbench.models.masked.load_masked`."""
    return load_masked(checkpoint, DREAM, device, dtype)
