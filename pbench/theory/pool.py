"""Simulations side by side: a `map` over this process or over several, one thread each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from pbench.processes import start_context

__all__ = ["mapped", "one_thread"]


@contextmanager
def mapped(workers: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """`map` over `workers` processes (1: this process); results come in order."""
    if workers == 1:
        yield map
        return
    with ProcessPoolExecutor(workers, mp_context=start_context()) as pool:
        yield pool.map


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch meanwhile: to share out small tensors takes longer than to compute them."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
