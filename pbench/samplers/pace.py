"""Fixed-rate pace of a block that counts the tokens that stand, not the ones that were planned.

A sampler that remasks, and one whose commits something else thins out, still ends its steps at the
numbers of its timetable. R rows, W block positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from pbench.errors import UsageError
from pbench.interfaces import Step
from pbench.samplers.schedules import exact_schedule

__all__ = ["Memory", "filled", "recall", "require_room", "store", "targets", "timetable"]


@dataclass(slots=True)
class Memory:
    """What a row remembers of each position of its block, [W]; None before its first step."""

    values: Tensor | None = None


def recall(memories: Sequence[Memory], unknown: Tensor) -> Tensor:
    """What the rows remember, [R, W]; the row of `unknown` [R, W] where that is nothing yet."""
    known = [unknown[row] if each.values is None else each.values for row, each in enumerate(memories)]
    return torch.stack(known)


def store(memories: Sequence[Memory], values: Tensor) -> None:
    """Let each row remember its row of `values` [R, W]."""
    for memory, row in zip(memories, values, strict=True):
        memory.values = row


def timetable(masks: int, k: int) -> tuple[int, ...]:
    """Tokens that stand after each step at k a step: (3, 6, 9, 10) for 10 masks and k = 3."""
    return tuple(accumulate(exact_schedule(masks, k)))


def require_room(flag: str, value: int, block_length: int) -> None:
    """UsageError if option `flag` asks for more tokens at once than a block has."""
    if value > block_length:
        raise UsageError(f"{flag} {value} is more than the block holds: block_length is {block_length}")


def targets(step: Step, tables: Sequence[Sequence[int]]) -> Tensor:
    """Tokens [R] that must stand after this step."""
    due = [table[number] for table, number in zip(tables, step.numbers, strict=True)]
    return torch.tensor(due, device=step.to_unmask.device)


def filled(step: Step) -> Tensor:
    """Tokens [R] that stand now, of those that were masks when the block began."""
    masks = torch.tensor([plan.masks for plan in step.plans], device=step.to_unmask.device)
    return masks - step.to_unmask.sum(1)
