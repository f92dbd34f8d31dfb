"""Workers of this machine: a process each, which keeps its model until it is stopped.

Each has a pipe of its own, so that one that is killed in the middle of a message harms nobody else.
No worker outlives its parent, however that ends.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from pbench.decode.memory import BatchSize
from pbench.decode.pool import Pool
from pbench.decode.worker import Died, Load, Message, Order, Session
from pbench.processes import begin_worker, cores, start_context
from pbench.records import Sample

__all__ = ["ProcessPlace", "process_pool"]

_END_SECONDS = 5.0


def process_pool(load: Load, devices: Sequence[str], batch_size: BatchSize) -> Pool:
    """A worker process for each of `devices`, which may repeat; they start with the first run."""
    threads = max(1, cores() // len(devices))
    places = [
        ProcessPlace(f"worker {number}", device, load, threads, sum(each == device for each in devices))
        for number, device in enumerate(devices)
    ]
    return Pool(places, _hear, batch_size)


class ProcessPlace:
    """See `pool.Place`."""

    def __init__(self, name: str, device: str, load: Load, threads: int, sharers: int):
        self.name = name
        self.device = device
        self._inside = (load, device, threads, sharers)
        self._process: BaseProcess | None = None
        self.connection: Connection | None = None

    @property
    def occupied(self) -> bool:
        return self._process is not None

    def begin(self, order: Order) -> None:
        if self._process is None:
            self._start()
        self._send(order)

    def decode(self, samples: Sequence[Sample]) -> None:
        self._send(samples)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        self._process.join(_END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._forget()

    def message(self) -> Message:
        """What the process says next, or how it ended."""
        assert self._process is not None
        assert self.connection is not None
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode or 0
            self._forget()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return Died(how, killed=code == -signal.SIGKILL)  # so Linux ends a process when memory is short

    def _start(self) -> None:
        context = start_context()
        self.connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_work, args=(theirs, *self._inside), name=f"pbench {self.name}", daemon=True
        )
        with _interrupts_held():
            self._process.start()
        theirs.close()

    def _send(self, message: Order | Sequence[Sample]) -> None:
        assert self.connection is not None
        with suppress(OSError):  # it has died: its end is heard on the pipe
            self.connection.send(message)

    def _forget(self) -> None:
        assert self.connection is not None
        self.connection.close()
        self._process = self.connection = None


def _hear(places: Sequence[ProcessPlace]) -> list[tuple[ProcessPlace, Message]]:
    """See `pool.Hear`."""
    speakers = {place.connection: place for place in places if place.connection is not None}
    heard = wait(list(speakers))
    return [(place, place.message()) for connection, place in speakers.items() if connection in heard]


def _work(connection: Connection, load: Load, device: str, threads: int, sharers: int) -> None:
    """Main function of a worker process: orders and lists of samples in, messages out."""
    begin_worker()
    session = Session(load, device, threads, sharers)
    try:
        while True:
            asked = connection.recv()
            messages = session.begin(asked) if isinstance(asked, Order) else session.decode(asked)
            for message in messages:
                connection.send(message)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone, and nobody wants the rows


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C comes after this, and never to a process that is started inside."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
