"""Several processes that train one model: each takes its share of a batch, gradients are summed.

`accelerate launch -m pbench train lora ...` starts them; without it there is one process, and
accelerate is not needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from pbench.errors import UsageError

__all__ = ["ALONE", "Processes", "processes"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among `count`; `device` is the one that it was given (None: the user's choice)."""

    rank: int
    count: int
    device: str | None

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def share(self, rows: Sequence[T]) -> Sequence[T]:
        """This process's rows of a batch."""
        return rows[self.rank :: self.count]

    def add_up(self, values: Iterable[Tensor]) -> None:
        """Make each of the tensors its sum over all processes."""
        if self.count == 1:
            return
        for value in values:
            torch.distributed.all_reduce(value)


ALONE = Processes(0, 1, None)


def processes(device: str | None) -> Processes:
    """What accelerate's launcher has started; one process where nobody launched any."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    if device is not None and device != "cpu":
        raise UsageError(f"--device {device}: accelerate gives each process its own; drop --device")
    try:
        from accelerate import PartialState
    except ImportError:
        raise UsageError("several processes need accelerate: pip install 'pbench[train]'") from None
    state = PartialState(cpu=device == "cpu")
    return Processes(state.process_index, state.num_processes, str(state.device))
