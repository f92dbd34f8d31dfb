"""Pure functions that turn scores into sets of positions. Shapes: R rows, W block positions."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["best", "gumbel", "keep_apart", "rank", "top_n"]


def rank(scores: Tensor) -> Tensor:
    """Rank (0 = highest) of each entry of `scores` [R, W] in its row; ties: lower position first."""
    order = scores.sort(dim=1, descending=True, stable=True).indices
    ranks = torch.empty_like(order)
    places = torch.arange(scores.shape[1], device=scores.device).expand_as(order)
    return ranks.scatter_(1, order, places)


def top_n(scores: Tensor, to_unmask: Tensor, quota: Tensor) -> Tensor:
    """The `quota` [R] best candidates of each row, fewer where there are fewer: bool [R, W]."""
    scores = scores.masked_fill(~to_unmask, -torch.inf)
    return (rank(scores) < quota.unsqueeze(1)) & to_unmask


def best(scores: Tensor, to_unmask: Tensor) -> Tensor:
    """The single best candidate of each row, the lowest position in a tie: bool [R, W]."""
    places = scores.masked_fill(~to_unmask, -torch.inf).argmax(1, keepdim=True)
    return torch.zeros_like(to_unmask).scatter_(1, places, to_unmask.gather(1, places))


def gumbel(uniform: Tensor) -> Tensor:
    """Standard Gumbel noise, always finite, from numbers in [0, 1)."""
    small = torch.finfo(uniform.dtype).tiny
    return -(-uniform.clamp_min(small).log()).clamp_min(small).log()


def keep_apart(chosen: Tensor, scores: Tensor, gap: int) -> Tensor:
    """Greedy subset of `chosen` [R, W], best score first, no two positions closer than `gap`."""
    places = torch.arange(chosen.shape[1], device=chosen.device)
    left, kept = chosen, torch.zeros_like(chosen)
    while bool(left.any()):
        taken = best(scores, left)
        kept = kept | taken
        at = taken.byte().argmax(1, keepdim=True)
        left = left & ((places - at).abs() >= gap)
    return kept
