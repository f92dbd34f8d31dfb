"""Drawing tokens by given random numbers, so that a sample's tokens do not depend on its batch."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["draw"]


def draw(weights: Tensor, uniforms: Tensor) -> Tensor:
    """Tokens [N] drawn in proportion to `weights` [N, V] by `uniforms` [N] in [0, 1)."""
    sums = weights.cumsum(1)
    # Divided, not multiplied into the uniforms: the last sum is 1 exactly, and no weight of zero is hit.
    sums /= sums[:, -1:].clone()
    return torch.searchsorted(sums, uniforms.unsqueeze(1), right=True).squeeze(1)
