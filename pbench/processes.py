"""Processes that work for this one alone: they leave Ctrl-C to it and end with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext

__all__ = ["START", "begin_worker", "cores", "start_context", "worker_pool"]

START: SpawnContext | ForkServerContext = multiprocessing.get_context("spawn")
"""How workers begin: afresh, not forked, for other threads of this process could hold locks."""


def start_context() -> SpawnContext | ForkServerContext:
    """What makes workers. A script that comes here needs `if __name__ == "__main__":`, as with all of
    multiprocessing.
    """
    return START


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Worker processes that end when they have nothing to do, or at once on an exception here."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, start_context(), initializer=begin_worker)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown()


def begin_worker() -> None:
    """A worker leaves Ctrl-C to its parent, and does not outlive it, even if that is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
