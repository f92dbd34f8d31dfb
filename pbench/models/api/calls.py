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
from contextlib import suppress
from queue import Empty, SimpleQueue

from pbench.records import Generation, Sample

__all__ = ["Ask", "in_parallel"]

GRACE_SECONDS = 3.0

Ask = Callable[[Sample], Generation]


class _Crew:
    """Threads that take samples until there are none or they are told to stop.

    What they bring stays in `ready` until somebody has it for good: an interrupt between two calls
    loses no row that has come.
    """

    def __init__(self, ask: Ask, samples: Sequence[Sample], size: int):
        self._ask = ask
        self._waiting = deque(samples)
        self._size = min(size, len(samples))
        self._room = threading.Semaphore(self._size)
        self._stopped = threading.Event()
        self.ready: deque[Generation | BaseException] = deque()
        self._ended: deque[str] = deque()  # names of threads
        self._bell: SimpleQueue[None] = SimpleQueue()  # rung when one of these two has grown

    def start(self) -> None:
        for number in range(self._size):
            threading.Thread(target=self._work, name=f"pbench call {number}", daemon=True).start()

    def stop(self) -> None:
        """Ask nothing new."""
        self._stopped.set()
        if self._size:
            self._room.release(self._size)

    def make_room(self) -> None:
        """One row is safe."""
        self._room.release()

    def first(self, seconds: float | None = None) -> Generation | BaseException | None:
        """What has come first, and stays in `ready`; None if nothing will come any more.

        queue.Empty after `seconds` without anything.
        """
        while not self.ready and len(self._ended) < self._size:
            self._bell.get(timeout=seconds)
        return self.ready[0] if self.ready else None

    def _work(self) -> None:
        while self._room.acquire() and not self._stopped.is_set():
            try:
                sample = self._waiting.popleft()
            except IndexError:
                break
            try:
                self.ready.append(self._ask(sample))
            except BaseException as error:
                self.stop()
                self.ready.append(error)
            self._bell.put(None)
        self._ended.append(threading.current_thread().name)
        self._bell.put(None)


def in_parallel(ask: Ask, samples: Sequence[Sample], size: int) -> Iterator[Generation]:
    """One row for each sample, at most `size` asked for at a time.

    An error that `ask` raises ends it, after the rows that were on their way.
    """
    crew = _Crew(ask, samples, size)
    failure: BaseException | None = None
    try:
        crew.start()
        while (item := crew.first()) is not None:
            if isinstance(item, Generation):
                try:
                    yield item
                finally:  # whatever it is answered, the row has been taken
                    crew.ready.popleft()
                crew.make_room()
            else:
                failure = failure or item
                crew.ready.popleft()
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
    """What has come, and what comes in time."""
    end = time.monotonic() + GRACE_SECONDS
    with suppress(Empty):
        while (item := crew.first(max(0.0, end - time.monotonic()))) is not None:
            if isinstance(item, Generation):
                yield item
            crew.ready.popleft()
