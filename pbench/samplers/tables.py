"""Reductions of tables [N, V] along the vocabulary: the same numbers for a row whatever is around it.

On a processor they go by pieces of rows that stay in its cache: what lies between two steps of a
reduction never goes out to memory, and is never as large as the table.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["argmax", "by_row", "log_total", "peak", "peak_and_entropy", "top_two"]

PIECE = 1 << 17  # entries of a piece for each thread: 0.5 MB of float32
LOWEST = -1e4  # e^LOWEST is 0 in float32


def by_row(reduce: Callable[..., Tensor], *tables: Tensor) -> Tensor:
    """`reduce` of tables [N, V] to [N] or [N, K], each row as if it were one of many."""
    return _by_piece(lambda *piece: (reduce(*piece),), *tables)[0]


def argmax(table: Tensor) -> Tensor:
    """Int64 [N]: the place of each row's largest entry, the lowest place in a tie."""
    return by_row(_argmax, table)


def log_total(table: Tensor) -> Tensor:
    """Log of the sum of exp, [N]; not finite where a row holds NaN, +inf or nothing but -inf."""
    return by_row(lambda piece: _log_total(piece, piece.amax(1, keepdim=True)), table)


def peak(table: Tensor) -> tuple[Tensor, ...]:
    """`argmax` and `log_total` of logits in any dtype, from one pass over the table."""
    return _by_piece(_peak, table)


def peak_and_entropy(table: Tensor) -> tuple[Tensor, ...]:
    """`peak`, and the entropy in nats of the softmax of each row, [N]."""
    return _by_piece(_peak_and_entropy, table)


def top_two(table: Tensor) -> Tensor:
    """The two largest entries of each row, [N, 2]."""
    return by_row(_top_two, table)


def _by_piece(reduce: Callable[..., tuple[Tensor, ...]], *tables: Tensor) -> tuple[Tensor, ...]:
    """What `reduce` finds, piece after piece.

    torch sums a lone row in another order than each row of many, and the last bit decides ties:
    a lone row is doubled, so that a batch of one gives the numbers of any batch.
    """
    if len(tables[0]) == 1:
        return tuple(found[:1] for found in reduce(*(table.repeat(2, 1) for table in tables)))
    count = _pieces(tables[0])
    if count == 1:
        return reduce(*tables)
    pieces = zip(*(table.tensor_split(count) for table in tables), strict=True)
    return tuple(map(torch.cat, zip(*(reduce(*piece) for piece in pieces), strict=True)))


def _pieces(table: Tensor) -> int:
    """Into how many pieces of at least two rows a table is cut."""
    if table.device.type != "cpu":
        return 1
    wanted = table.numel() // (PIECE * torch.get_num_threads())
    return max(1, min(wanted, len(table) // 2))


def _argmax(table: Tensor) -> Tensor:
    if table.device.type != "cpu":
        return table.argmax(1)
    # numpy's is vectorised, torch's is not: 8 times faster (benchmarks/selection.py).
    return torch.from_numpy(table.float().numpy().argmax(1))


def _log_total(table: Tensor, top: Tensor) -> Tensor:
    """Log of the sum of exp, [N], with the largest entries `top` [N, 1] taken out and put back."""
    return (table - top).exp_().sum(1).log_().add_(top.squeeze(1))


def _peak(table: Tensor) -> tuple[Tensor, Tensor]:
    table = table.float()
    places = _argmax(table)
    return places, _log_total(table, table.gather(1, places.unsqueeze(1)))


def _peak_and_entropy(table: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Entropy = ln(sum e^z) - sum z e^z / sum e^z with z = logits - their maximum."""
    table = table.float()
    places = _argmax(table)
    top = table.gather(1, places.unsqueeze(1))
    below = table - top
    weights = below.exp()
    total = weights.sum(1)
    log = total.log()
    # 0 * -inf is 0 here: a token that is impossible adds nothing.
    entropy = log - weights.mul_(below.clamp_min_(LOWEST)).sum(1) / total
    return places, log + top.squeeze(1), entropy


def _top_two(table: Tensor) -> Tensor:
    places = _argmax(table).unsqueeze(1)
    first = table.gather(1, places)
    return torch.cat([first, table.scatter(1, places, -torch.inf).amax(1, keepdim=True)], dim=1)
