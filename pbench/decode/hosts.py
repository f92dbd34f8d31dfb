"""Where a model is at work: this process, worker processes, a Ray cluster; loaded once, for many runs.

`chosen_where` turns the command line into a `Where`; `open` makes a `Host` of it, which loads the
model when the first sample is to be decoded, and keeps it until it is closed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar

from pbench.decode.devices import chosen_devices
from pbench.decode.memory import BatchSize
from pbench.decode.runners import Answerer, LocalRunner, Runner
from pbench.decode.worker import Assemble, Load, loaded
from pbench.errors import UsageError
from pbench.records import Generation, Sample

if TYPE_CHECKING:
    from pbench.decode.pool import Pool

__all__ = ["Here", "Host", "OnRay", "Processes", "Where", "chosen_where"]

T = TypeVar("T")


class Host(Protocol):
    """A model at work somewhere."""

    def runner(self, assemble: Assemble, look: Answerer) -> Runner:
        """The runner of one run; `look` is the model without its weights."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Where(Protocol):
    """A place to open hosts at; `device` is what a model is there on, "cpu" or "cuda:0"."""

    @property
    def device(self) -> str: ...

    def open(self, load: Load, batch_size: BatchSize) -> Host:
        """A host for one model; nothing is loaded yet."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """This process."""

    device: str = "cpu"

    def open(self, load: Load, batch_size: BatchSize) -> Host:
        """See `Where.open`."""
        return _LocalHost(load, self.device, batch_size)


@dataclass(frozen=True, slots=True)
class Processes:
    """A worker process on each of these devices, which may repeat."""

    devices: tuple[str, ...]

    @property
    def device(self) -> str:
        return self.devices[0]

    def open(self, load: Load, batch_size: BatchSize) -> Host:
        """See `Where.open`."""
        from pbench.decode.processes import process_pool

        return process_pool(load, self.devices, batch_size)


@dataclass(frozen=True, slots=True)
class OnRay:
    """Actors on a Ray cluster: that of `address`, or one started here for as long as the host is open.

    `workers` None: as many as the cluster has room for.
    """

    address: str | None = None
    workers: int | None = None
    gpus_per_worker: float = 0.0

    @property
    def device(self) -> str:
        return "cuda:0" if self.gpus_per_worker else "cpu"  # Ray shows an actor its own GPUs alone

    def open(self, load: Load, batch_size: BatchSize) -> Host:
        """See `Where.open`; UsageError, at the first run, if no cluster answers or it has no room."""
        return _RayHost(load, self, batch_size)


def chosen_where(
    engine: Literal["local", "ray"],
    *,
    gpus: Sequence[str] = (),
    device: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    gpus_per_worker: float | None = None,
) -> Where:
    """What the options of the command line ask for; UsageError for what contradicts or is not there."""
    if engine == "ray":
        for flag, given in (("--gpus", bool(gpus)), ("--device", device is not None)):
            if given:
                raise UsageError(f"{flag} is for this machine; with --engine ray say --gpus-per-worker")
        return OnRay(address, workers, gpus_per_worker or 0.0)
    for flag, given in (("--address", address is not None), ("--gpus-per-worker", bool(gpus_per_worker))):
        if given:
            raise UsageError(f"{flag} is for Ray; add --engine ray")
    devices = chosen_devices(gpus, device, workers)
    return Processes(tuple(devices)) if devices else Here(device or "cpu")


class _Late(ABC):
    """A host that comes to life with its first sample; what failed then is not tried again."""

    def __init__(self, device: str, batch_size: BatchSize):
        self.device = device
        self.batch_size = batch_size
        self._broken: Exception | None = None

    @abstractmethod
    def open_runner(self, assemble: Assemble, look: Answerer) -> Runner:
        """The runner of one run, now that there is something to decode."""

    @abstractmethod
    def close(self) -> None: ...

    def runner(self, assemble: Assemble, look: Answerer) -> Runner:
        return _LateRunner(self, assemble, look)

    def once(self, make: Callable[[], T]) -> T:
        """What `make` returns; if it fails, the same error from now on."""
        if self._broken is not None:
            raise self._broken
        try:
            return make()
        except Exception as error:
            self._broken = error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _LocalHost(_Late):
    """The model in this process."""

    def __init__(self, load: Load, device: str, batch_size: BatchSize):
        super().__init__(device, batch_size)
        self._load = load
        self._model: Any = None

    def open_runner(self, assemble: Assemble, look: Answerer) -> Runner:  # noqa: ARG002 - the real one looks
        if self._model is None:
            self._model = self.once(lambda: loaded(self._load, self.device))
        return LocalRunner(assemble(self._model, self.device), self.batch_size)

    def close(self) -> None:
        self._model = None


class _RayHost(_Late):
    """The model in actors of a cluster; joining one takes seconds."""

    def __init__(self, load: Load, where: OnRay, batch_size: BatchSize):
        super().__init__(where.device, batch_size)
        self._load = load
        self._where = where
        self._pool: Pool | None = None

    def open_runner(self, assemble: Assemble, look: Answerer) -> Runner:
        from pbench.decode.ray_cluster import ray_pool

        if self._pool is None:
            self._pool = self.once(lambda: ray_pool(self._load, self._where, self.batch_size))
        return self._pool.runner(assemble, look)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
        self._pool = None


class _LateRunner:
    """The runner of a late host: what needs no weights is asked of the model without them."""

    def __init__(self, host: _Late, assemble: Assemble, look: Answerer):
        self._host = host
        self._assemble = assemble
        self._look = look
        self._inner: Runner | None = None

    @property
    def notes(self) -> list[str]:
        return [] if self._inner is None else self._inner.notes

    def check(self, samples: Sequence[Sample]) -> None:
        self._look.check(samples)

    def tokens(self, rows: Sequence[Generation]) -> dict[str, Any] | None:
        return self._look.tokens(rows)

    def facts(self) -> dict[str, Any]:
        if self._inner is not None:
            return self._inner.facts()
        return {"devices": [self._host.device], "batch_size": self._host.batch_size, "batch_sizes": [None]}

    def run(self, samples: Sequence[Sample]) -> Generator[Generation, None, None]:
        self._inner = self._host.open_runner(self._assemble, self._look)
        yield from self._inner.run(samples)
