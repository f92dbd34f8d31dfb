"""Ctrl-C and SIGTERM during a run: an answer that has come is made safe first, then the run ends.

A signal that comes while a row is in our hands waits until the row is saved; then it is raised where
the rows are made, so that a model that is still owed answers (paid for, on their way) can hand them in.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sized
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from typing import Any

from pbench.records import Generation

__all__ = ["take_in"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_Handled = Callable[[], Any]


def take_in(rows: Generator[Generation, None, None], save: Callable[[Generation], None]) -> None:
    """Save each of `rows`. What a signal raises, `rows` gets to handle, and its last rows are saved.

    Python hears signals between two calls, and so could lose a row between `next(rows)` and a name
    for it; `extend` takes one from the other without a moment in between.
    """
    held: deque[Generation] = deque(maxlen=1)  # the row that has come and may not be safe yet
    with _signals_wait_while(held) as waiting:
        while True:
            try:
                held.clear()  # from here on a signal is raised when it comes
                _raise_first(waiting)
                held.extend(islice(rows, 1))
            except BaseException as error:  # of a signal; or of `rows`, which then raise it again
                with suppress(StopIteration):
                    held.append(rows.throw(error))
            if not held:
                return
            save(held[0])


@contextmanager
def _signals_wait_while(held: Sized) -> Iterator[list[_Handled]]:
    """Gives the list of what would have been done; only the main thread hears signals at all."""
    waiting: list[_Handled] = []
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    if threading.current_thread() is not threading.main_thread():
        handlers = {}
    ours = {number: handler for number, handler in handlers.items() if callable(handler)}

    def hear(*call: Any, handler: Callable[..., Any]) -> None:
        if held:
            waiting.append(partial(handler, *call))
        else:
            handler(*call)

    try:
        for number, handler in ours.items():
            signal.signal(number, partial(hear, handler=handler))
        yield waiting
    finally:
        held = ()  # should a signal come between these, the others are still heard
        for number, handler in ours.items():
            signal.signal(number, handler)


def _raise_first(waiting: list[_Handled]) -> None:
    """Do what waits; what the first raises stands for all of them."""
    handled = waiting[:]
    waiting.clear()
    for each in handled:
        each()
