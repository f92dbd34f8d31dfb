"""Several processes, one model in each: samples are handed out in chunks, rows come back one by one.

Each worker has a pipe of its own, so that one that is killed in the middle of a message harms nobody
else. A worker that dies is started anew, with half the batch if it was killed (so Linux ends a
process when memory is short), and its unfinished samples go to whoever is free.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from pbench.decode.memory import AUTO, BatchSize, sample_size
from pbench.decode.queue import MOST_LOSSES, SampleQueue
from pbench.decode.runners import Answerer, by_length, failed_row
from pbench.decode.worker import Failed, Finished, Noted, Opener, Ready, Row, work
from pbench.records import Generation, Sample

__all__ = ["WorkerPool"]

_SIZING = 512  # samples that a worker may look at to find its batch size
_END_SECONDS = 5.0

MakeOpener = Callable[[BatchSize], Opener]


class _Worker:
    """One place for a process: its device, and the process that is there now."""

    def __init__(self, number: int, device: str, batch_size: BatchSize):
        self.number = number
        self.device = device
        self.asked: BatchSize = batch_size
        self.batch_size = 0 if batch_size == AUTO else batch_size  # 0: not known before it is ready
        self.deaths = 0  # in a row, without an answer in between
        self.idle = False
        self.process: SpawnProcess | None = None
        self.connection: Connection | None = None

    def start(self, opener: Opener, threads: int, sharers: int, sizing: Sequence[Sample]) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=work,
            args=(theirs, opener, self.device, threads, sharers),
            name=f"pbench worker {self.number}",
            daemon=True,
        )
        with _interrupts_held():
            self.process.start()
        theirs.close()
        with suppress(OSError):  # it has died at once: its end is heard on the pipe
            self.connection.send(sizing)

    def ended(self) -> str:
        """Forget the process that died; how it ended, in words."""
        assert self.process is not None
        assert self.connection is not None
        self.connection.close()
        self.process.join()
        code = self.process.exitcode or 0
        self.process = self.connection = None
        self.deaths += 1
        if code == -signal.SIGKILL and self.batch_size > 1:
            self.asked = self.batch_size = self.batch_size // 2
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self.process is None:
            return
        self.process.terminate()
        self.process.join(_END_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        assert self.connection is not None
        self.connection.close()
        self.process = self.connection = None


class WorkerPool:
    """The runner of `--gpus` and `--workers`; see `runners.Runner`.

    `opener(batch_size)` makes what a worker loads its model with; `model` is only asked whether
    the samples can be decoded at all. One worker for each of `devices`, which may repeat.
    """

    def __init__(self, opener: MakeOpener, devices: Sequence[str], batch_size: BatchSize, model: Answerer):
        self.opener = opener
        self.asked = batch_size
        self.model = model
        self.notes: list[str] = []
        self._workers = [_Worker(number, device, batch_size) for number, device in enumerate(devices)]
        self._threads = max(1, _cpus() // len(devices))

    def check(self, samples: Sequence[Sample]) -> None:
        self.model.check(samples)

    def tokens(self, rows: Sequence[Generation]) -> dict[str, Any] | None:
        return self.model.tokens(rows)

    def facts(self) -> dict[str, Any]:
        return {
            "devices": [worker.device for worker in self._workers],
            "batch_size": self.asked,
            # None: the others were done before it was ready
            "batch_sizes": [worker.batch_size or None for worker in self._workers],
        }

    def run(self, samples: Sequence[Sample]) -> Generator[Generation, None, None]:
        ordered = [sample for group in by_length(samples).values() for sample in group]
        queue = SampleQueue(ordered)
        sizing = sorted(ordered, key=sample_size, reverse=True)[:_SIZING]
        try:
            for worker in self._workers[: len(ordered)]:
                self._start(worker, sizing)
            while not queue.finished:
                working = {worker.connection: worker for worker in self._workers if worker.connection}
                if not working:
                    yield from self._give_up(queue)
                    return
                heard = wait(list(working))
                for connection, worker in working.items():
                    if connection in heard:
                        yield from self._hear(worker, queue, sizing)
                self._feed(queue)
        finally:
            for worker in self._workers:
                worker.stop()

    def _start(self, worker: _Worker, sizing: Sequence[Sample]) -> None:
        worker.idle = False
        sharers = sum(each.device == worker.device for each in self._workers)
        worker.start(self.opener(worker.asked), self._threads, sharers, sizing)

    def _hear(self, worker: _Worker, queue: SampleQueue, sizing: Sequence[Sample]) -> Iterator[Generation]:
        """One message of a worker, or its end."""
        assert worker.connection is not None
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            yield from self._bury(worker, queue, sizing)
            return
        match message:
            case Row(generation):
                worker.deaths = 0
                queue.done(worker.number, generation.sample.sample_id)
                yield generation
            case Noted(text):
                self.notes.append(text)
            case Ready(batch_size) | Finished(batch_size):
                worker.batch_size = batch_size
                worker.idle = True
            case Failed(error):
                raise error

    def _feed(self, queue: SampleQueue) -> None:
        """Something to do for those who have nothing to do."""
        working = sum(worker.connection is not None for worker in self._workers)
        for worker in self._workers:
            if worker.idle and (chunk := queue.take(worker.number, working, worker.batch_size)):
                assert worker.connection is not None
                worker.idle = False
                with suppress(OSError):  # it has died: its end is heard on the pipe
                    worker.connection.send(chunk)

    def _bury(self, worker: _Worker, queue: SampleQueue, sizing: Sequence[Sample]) -> Iterator[Generation]:
        """A worker has died: its samples go back, and another process takes its place."""
        worker.idle = False
        how = worker.ended()
        back, given_up = queue.lose(worker.number)
        again = worker.deaths < MOST_LOSSES
        self.notes.append(
            f"worker {worker.number} on {worker.device} {how}; {back} unfinished samples go to others;"
            + (f" started anew at batch size {worker.asked}" if again else " not started again")
        )
        for sample in given_up:
            yield failed_row(sample, "worker_lost", f"{MOST_LOSSES} workers ended while they decoded it")
        if again:
            self._start(worker, sizing)

    def _give_up(self, queue: SampleQueue) -> Iterator[Generation]:
        for sample in queue.rest():
            yield failed_row(sample, "worker_lost", f"no worker is left; {self.notes[-1]}")


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C comes after this, and never to a process that is started inside."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cpus() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1
