"""Reductions of tables [N, V] along the vocabulary: the same numbers for a row whatever is around it.

On a processor they go by pieces of rows that stay in its cache: what lies between two steps of a
reduction never goes out to memory, and is never as large as the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

__all__ = ["argmax", "by_row", "entropy", "log_total", "top_two"]

PIECE = 1 << 17  # entries of a piece for each thread: 0.5 MB of float32
LOWEST = -1e4  # e^LOWEST is 0 in float32


def by_row(reduce: Callable[..., Tensor], *tables: Tensor) -> Tensor:
    """`reduce` of tables [N, V] to [N] or [N, K], each row as if it were one of many.

    torch sums a lone row in another order than each row of many, and the last bit decides ties:
    a lone row is doubled, so that a batch of one gives the numbers of any batch.
    """
    if len(tables[0]) == 1:
        return reduce(*(table.repeat(2, 1) for table in tables))[:1]
    return torch.cat([reduce(*piece) for piece in _pieces(*tables)])


def argmax(table: Tensor) -> Tensor:
    """Int64 [N]: the place of each row's largest entry, the lowest place in a tie."""
    if table.device.type != "cpu":
        return table.argmax(1)
    return by_row(_argmax, table)


def log_total(table: Tensor) -> Tensor:
    """Log of the sum of exp, [N]; not finite where a row holds NaN, +inf or nothing but -inf."""
    return by_row(_log_total, table)


def entropy(table: Tensor) -> Tensor:
    """Entropy in nats of the softmax of each row of logits, [N]."""
    return by_row(_entropy, table)


def top_two(table: Tensor) -> Tensor:
    """The two largest entries of each row, [N, 2]."""
    return by_row(_top_two, table)


def _pieces(*tables: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The tables cut into the same pieces of at least two rows."""
    first = tables[0]
    count = 1
    if first.device.type == "cpu":
        wanted = first.numel() // (PIECE * torch.get_num_threads())
        count = max(1, min(wanted, len(first) // 2))
    return zip(*(table.tensor_split(count) for table in tables), strict=True)


def _argmax(table: Tensor) -> Tensor:
    # numpy's is vectorised, torch's is not: 8 times faster (benchmarks/selection.py).
    return torch.from_numpy(table.float().numpy().argmax(1))


def _log_total(table: Tensor) -> Tensor:
    top = table.amax(1, keepdim=True)
    return (table - top).exp_().sum(1).log_().add_(top.squeeze(1))


def _entropy(table: Tensor) -> Tensor:
    """ln(sum e^z) - sum z e^z / sum e^z with z = logits - their maximum."""
    below = table - table.amax(1, keepdim=True)
    weights = below.exp()
    total = weights.sum(1)
    # 0 * -inf is 0 here: a token that is impossible adds nothing.
    return total.log() - weights.mul_(below.clamp_min_(LOWEST)).sum(1) / total


def _top_two(table: Tensor) -> Tensor:
    places = _argmax(table).unsqueeze(1) if table.device.type == "cpu" else table.argmax(1, keepdim=True)
    first = table.gather(1, places)
    return torch.cat([first, table.scatter(1, places, -torch.inf).amax(1, keepdim=True)], dim=1)
