"""Simulations side by side: a `map` over this process or over several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

__all__ = ["mapped"]


@contextmanager
def mapped(workers: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """`map` over `workers` processes of one thread each (1: this process); results come in order."""
    if workers == 1:
        yield map
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        yield pool.map


def _one_thread() -> None:
    """Small tensors are no work to share out."""
    import torch

    torch.set_num_threads(1)
