"""Ctrl-C and SIGTERM during a run: an answer that has come is made safe first, then the run ends.

A signal that comes while a row is saved waits until it is; then it is raised where the rows are made,
so that a model that is still owed answers (paid for, on their way) can hand them in.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from pbench.records import Generation

__all__ = ["take_in"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_Handled = Callable[[], Any]


def take_in(rows: Generator[Generation, None, None], save: Callable[[Generation], None]) -> None:
    """Save each of `rows`. What a signal raises, `rows` gets to handle, and its last rows are saved."""
    interrupt: BaseException | None = None
    while True:
        try:
            row = next(rows) if interrupt is None else rows.throw(interrupt)
        except StopIteration:
            return
        with _signals_wait() as waiting:
            save(row)
        interrupt = next(filter(None, map(_raised, waiting)), None)


@contextmanager
def _signals_wait() -> Iterator[list[_Handled]]:
    """Gives the list of what would have been done; only the main thread hears signals at all."""
    waiting: list[_Handled] = []
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    if threading.current_thread() is not threading.main_thread():
        handlers = {}
    ours = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number, handler in ours.items():
        signal.signal(number, lambda *call, handler=handler: waiting.append(partial(handler, *call)))
    try:
        yield waiting
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)


def _raised(handled: _Handled) -> BaseException | None:
    try:
        handled()
    except BaseException as error:
        return error
    return None
