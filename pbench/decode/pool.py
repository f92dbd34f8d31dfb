"""Several workers with a model each, kept from run to run: samples go out in chunks, rows come back.

Whoever has nothing to do takes the next chunk; chunks get smaller towards the end. What a lost worker
had goes to others, and another worker takes its place. Where workers live is their place's business:
`processes` has those of this machine, `ray_cluster` those of a Ray cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import count
from typing import Any, Protocol, Self

from pbench.decode.memory import AUTO, BatchSize, sample_size
from pbench.decode.queue import MOST_LOSSES, SampleQueue
from pbench.decode.runners import Answerer, Runner, by_length, failed_row
from pbench.decode.worker import Assemble, Died, Failed, Finished, Message, Noted, Order, Ready, Row
from pbench.errors import UsageError
from pbench.records import Generation, Sample

__all__ = ["Hear", "Place", "Pool"]

_SIZING = 512  # samples that a worker may look at to find its batch size


class Place(Protocol):
    """Where one worker is, or can be started; what is sent to a worker that has died is lost."""

    name: str
    device: str

    @property
    def occupied(self) -> bool:
        """Whether a worker is there, loading or loaded."""
        ...

    def begin(self, order: Order) -> None:
        """Start a worker if there is none, and let it get ready for a run."""
        ...

    def decode(self, samples: Sequence[Sample]) -> None:
        """Hand a list of samples to a worker that is ready."""
        ...

    def stop(self) -> None:
        """End the worker, whatever it does."""
        ...


Hear = Callable[[Sequence[Any]], list[tuple[Any, Message]]]
"""Wait until some of these places have something to say; after `Died` a place is not occupied."""


class Pool:
    """The places, and what they hear from; `runner` for each run, one after another, then `close`."""

    def __init__(self, places: Sequence[Place], hear: Hear, batch_size: BatchSize):
        self.places = places
        self.hear = hear
        self.batch_size = batch_size
        self.broken: Exception | None = None  # why no worker can load the model
        self.numbers = count(1)  # of the runs

    def runner(self, assemble: Assemble, look: Answerer) -> Runner:
        """The runner of one run; `look`, the model without weights, answers all but the samples."""
        return _PoolRunner(self, assemble, look)

    def close(self) -> None:
        """End all workers."""
        for place in self.places:
            place.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Seat:
    """What a run knows of the worker at a place."""

    def __init__(self, place: Place, batch_size: BatchSize):
        self.place = place
        self.asked: BatchSize = batch_size
        self.batch_size = 0 if batch_size == AUTO else batch_size  # 0: not known before it is ready
        self.deaths = 0  # in a row, without an answer in between
        self.ready = False
        self.busy = False

    def bury(self, killed: bool) -> None:
        """The worker has died; the next one begins with half the batch if memory may have been short."""
        self.ready = self.busy = False
        self.deaths += 1
        if killed and self.batch_size > 1:
            self.asked = self.batch_size = self.batch_size // 2


class _PoolRunner:
    """One run on a pool; see `runners.Runner`."""

    def __init__(self, pool: Pool, assemble: Assemble, look: Answerer):
        self.pool = pool
        self.assemble = assemble
        self.look = look
        self.notes: list[str] = []
        self._seats = [_Seat(place, pool.batch_size) for place in pool.places]
        self._sizing: tuple[Sample, ...] = ()
        self._number = next(pool.numbers)

    def check(self, samples: Sequence[Sample]) -> None:
        self.look.check(samples)

    def tokens(self, rows: Sequence[Generation]) -> dict[str, Any] | None:
        return self.look.tokens(rows)

    def facts(self) -> dict[str, Any]:
        return {
            "devices": [seat.place.device for seat in self._seats],
            "batch_size": self.pool.batch_size,
            # None: the others were done before it was ready
            "batch_sizes": [seat.batch_size or None for seat in self._seats],
        }

    def run(self, samples: Sequence[Sample]) -> Generator[Generation, None, None]:
        if self.pool.broken is not None:
            raise self.pool.broken
        ordered = [sample for group in by_length(samples).values() for sample in group]
        queue = SampleQueue(ordered)
        self._sizing = tuple(sorted(ordered, key=sample_size, reverse=True)[:_SIZING])
        begun = self._seats[: len(ordered)]
        try:
            for seat in begun:
                self._begin(seat)
            # After its last row a worker has still to say that it is done, and what is to be noted.
            while not queue.finished or any(seat.busy for seat in begun):
                seats = {seat.place.name: seat for seat in begun if seat.place.occupied}
                if not seats:
                    yield from self._give_up(queue)
                    return
                for place, message in self.pool.hear([seat.place for seat in seats.values()]):
                    yield from self._take(seats[place.name], message, queue)
                self._feed(queue)
        finally:
            for seat in begun:
                if seat.busy:  # with what nobody wants any more
                    seat.place.stop()

    def _begin(self, seat: _Seat) -> None:
        seat.ready = seat.busy = False
        seat.place.begin(Order(self._number, self.assemble, seat.asked, self._sizing, self.look.identity))

    def _take(self, seat: _Seat, message: Message, queue: SampleQueue) -> Iterator[Generation]:
        """One message of a worker, or its end."""
        match message:
            case Row(generation):
                seat.deaths = 0
                queue.done(seat.place.name, generation.sample.sample_id)
                yield generation
            case Noted(text):
                self.notes.append(text)
            case Ready(batch_size, number) if number == self._number:
                seat.batch_size = batch_size
                seat.ready = True
            case Finished(batch_size):
                seat.batch_size = batch_size
                seat.busy = False
            case Failed(error, number, loading) if loading or number == self._number:
                seat.busy = False
                if loading:
                    self.pool.broken = error
                raise error
            case Died(how, killed):
                yield from self._bury(seat, how, killed, queue)

    def _feed(self, queue: SampleQueue) -> None:
        """Something to do for those who have nothing to do."""
        working = sum(seat.place.occupied for seat in self._seats)
        for seat in self._seats:
            if not seat.ready or seat.busy:
                continue
            if chunk := queue.take(seat.place.name, working, seat.batch_size):
                seat.busy = True
                seat.place.decode(chunk)

    def _bury(self, seat: _Seat, how: str, killed: bool, queue: SampleQueue) -> Iterator[Generation]:
        """A worker has died: its samples go back, and another one takes its place."""
        seat.bury(killed)
        back, given_up = queue.lose(seat.place.name)
        again = seat.deaths < MOST_LOSSES and not queue.finished
        self.notes.append(
            f"{seat.place.name} on {seat.place.device} {how}; {back} unfinished samples go to others;"
            + (f" started anew at batch size {seat.asked}" if again else " not started again")
        )
        for sample in given_up:
            yield failed_row(sample, "worker_lost", f"{MOST_LOSSES} workers ended while they decoded it")
        if again:
            self._begin(seat)

    def _give_up(self, queue: SampleQueue) -> Iterator[Generation]:
        if not self.notes:
            raise UsageError("there is no worker to decode with")
        for sample in queue.rest():
            yield failed_row(sample, "worker_lost", f"no worker is left; {self.notes[-1]}")
