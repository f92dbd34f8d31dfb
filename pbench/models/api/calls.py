"""Many calls at once: threads that ask, rows handed out as they get ready, and an end in order.

At an interrupt nothing new is asked; what is on its way, and so paid for, has a few seconds to come.
A row makes room for the next question when its taker asks for another row: a kill loses no more
answers than are asked for at a time.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue

from pbench.records import Generation, Sample

__all__ = ["Ask", "in_parallel"]

GRACE_SECONDS = 3.0

Ask = Callable[[Sample], Generation]


class _Crew:
    """Threads that take samples until there are none or they are told to stop."""

    def __init__(self, ask: Ask, samples: Sequence[Sample], size: int):
        self._ask = ask
        self._waiting = deque(samples)
        self._stopped = threading.Event()
        self._ready: SimpleQueue[Generation | BaseException | None] = SimpleQueue()
        self.working = self._size = min(size, len(samples))
        self._room = threading.Semaphore(self._size)
        for number in range(self.working):
            threading.Thread(target=self._work, name=f"pbench call {number}", daemon=True).start()

    def stop(self) -> None:
        """Ask nothing new."""
        self._stopped.set()
        if self._size:
            self._room.release(self._size)

    def make_room(self) -> None:
        """One row is safe."""
        self._room.release()

    def take(self, seconds: float | None = None) -> Generation | BaseException | None:
        """The next row or error; None when a thread has ended. queue.Empty after `seconds`."""
        item = self._ready.get(timeout=seconds)
        self.working -= item is None
        return item

    def _work(self) -> None:
        while self._room.acquire() and not self._stopped.is_set():
            try:
                sample = self._waiting.popleft()
            except IndexError:
                break
            try:
                self._ready.put(self._ask(sample))
            except BaseException as error:
                self.stop()
                self._ready.put(error)
        self._ready.put(None)


def in_parallel(ask: Ask, samples: Sequence[Sample], size: int) -> Iterator[Generation]:
    """One row for each sample, at most `size` asked for at a time.

    An error that `ask` raises ends it, after the rows that were on their way.
    """
    crew = _Crew(ask, samples, size)
    failure: BaseException | None = None
    try:
        while crew.working:
            try:
                item = crew.take()
                if isinstance(item, Generation):
                    yield item
                    crew.make_room()
                elif item is not None:
                    failure = failure or item
            except (Exception, GeneratorExit):
                raise
            except BaseException:  # an interrupt
                crew.stop()
                yield from _on_their_way(crew)
                raise
    finally:
        crew.stop()
    if failure is not None:
        raise failure


def _on_their_way(crew: _Crew) -> Iterator[Generation]:
    end = time.monotonic() + GRACE_SECONDS
    while crew.working and (left := end - time.monotonic()) > 0:
        try:
            item = crew.take(left)
        except Empty:
            return
        if isinstance(item, Generation):
            yield item
