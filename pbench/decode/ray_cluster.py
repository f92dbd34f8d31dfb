"""Workers on a Ray cluster: an actor each, which keeps its model; the driver alone writes the journal.

Rows stream back as they get ready. An actor that is lost, alone or with its node, is one lost worker
of the pool: what it had goes to others, and another actor is asked for, wherever there is room.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from pbench.decode.memory import BatchSize
from pbench.decode.pool import Hear, Pool
from pbench.decode.worker import Died, Load, Message, Order, Session
from pbench.errors import UsageError
from pbench.records import Sample

if TYPE_CHECKING:
    from pbench.decode.hosts import OnRay

__all__ = ["RayPlace", "ray_pool"]

PATIENCE_SECONDS = 600.0  # for a cluster that has no room for a single worker at the moment
_TICK_SECONDS = 5.0
_KNOCK_SECONDS = 5.0


def ray_pool(load: Load, where: OnRay, batch_size: BatchSize) -> Pool:
    """A pool of actors; connects to the cluster, and leaves it when it is closed."""
    if where.address is not None and where.address.startswith("ray://"):
        raise UsageError(
            f"--address {where.address}: rows cannot stream through Ray's client; run on a machine of the"
            " cluster with --address auto, or name the head's HOST:PORT"
        )
    ray = _ray()
    ours = not ray.is_initialized()
    with ExitStack() as stack:
        stack.enter_context(_stdout_kept())
        if ours:
            _connect(ray, where.address)
            stack.callback(ray.shutdown)
        needs = {"num_cpus": 1, "num_gpus": where.gpus_per_worker}
        count = _workers(where, ray.cluster_resources())
        sharers = max(1, count // max(1, sum(node["Alive"] for node in ray.nodes())))
        actor = ray.remote(Session).options(**needs, scheduling_strategy="SPREAD", max_restarts=0)
        places = [
            RayPlace(f"worker {number}", where.device, actor, (load, where.device, 1, sharers))
            for number in range(count)
        ]
        return _RayPool(places, _Ear().hear, batch_size, stack.pop_all())


class _RayPool(Pool):
    """A pool that leaves its cluster when it is closed."""

    def __init__(self, places: Sequence[RayPlace], hear: Hear, batch_size: BatchSize, stack: ExitStack):
        super().__init__(places, hear, batch_size)
        self._stack = stack

    def close(self) -> None:
        super().close()
        self._stack.close()


class RayPlace:
    """See `pool.Place`; `actor` makes one when it is given `inside`, the arguments of a `Session`."""

    def __init__(self, name: str, device: str, actor: Any, inside: tuple[Any, ...]):
        self.name = name
        self.device = device
        self._actor = actor
        self._inside = inside
        self._handle: Any = None
        self.streams: deque[Any] = deque()  # of the calls that have not ended, in their order

    @property
    def occupied(self) -> bool:
        return self._handle is not None

    def begin(self, order: Order) -> None:
        if self._handle is None:
            self._handle = self._actor.remote(*self._inside)
        self._call(self._handle.begin, order)

    def decode(self, samples: Sequence[Sample]) -> None:
        self._call(self._handle.decode, samples)

    def stop(self) -> None:
        if self._handle is not None:
            _ray().kill(self._handle)
        self._handle = None
        self.streams.clear()

    def message(self) -> Message | None:
        """What the first of the streams says next; None if it has ended."""
        ray = _ray()
        try:
            return ray.get(next(self.streams[0]))
        except StopIteration:
            self.streams.popleft()
            return None
        except ray.exceptions.RayError as error:
            killed = isinstance(error, ray.exceptions.OutOfMemoryError)
            self.stop()
            return Died(f"was lost ({_reason(error)})", killed)

    def _call(self, method: Any, argument: Any) -> None:
        self.streams.append(method.options(num_returns="streaming").remote(argument))


class _Ear:
    """`hear` of a pool; it loses its patience when a cluster has room for nobody."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def hear(self, places: Sequence[RayPlace]) -> list[tuple[RayPlace, Message]]:
        """See `pool.Hear`."""
        ray = _ray()
        streams = {place.streams[0]: place for place in places if place.streams}
        ready, _ = ray.wait(list(streams), num_returns=1, timeout=_TICK_SECONDS)
        spoken = [(streams[stream], streams[stream].message()) for stream in ready]
        heard = [(place, message) for place, message in spoken if message is not None]
        now = time.monotonic()
        if spoken:
            self._last = now
        elif now - self._last > PATIENCE_SECONDS and not _any_placed(ray):
            raise UsageError(
                f"the Ray cluster had room for no worker in {PATIENCE_SECONDS:.0f} s; `ray status` shows what"
                " it has. The same command goes on from here"
            )
        return heard


def _any_placed(ray: Any) -> bool:
    """Whether an actor holds any of the cluster's resources."""
    total, free = ray.cluster_resources(), ray.available_resources()
    return any(free.get(name, 0.0) < total.get(name, 0.0) for name in ("CPU", "GPU"))


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise UsageError("--engine ray needs Ray: pip install 'pbench[ray]'") from None
    return ray


def _connect(ray: Any, address: str | None) -> None:
    """Join the cluster at `address`, or start one on this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = address or os.environ.get("RAY_ADDRESS")
    _knock(address)
    local: dict[str, Any] = {} if address is not None else {"include_dashboard": False}
    try:
        with _signals_kept():
            ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR", **local)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = "" if address is None else f" {address}"
        raise UsageError(f"--address{where}: no Ray cluster answers there ({_reason(error)})") from None


def _knock(address: str | None) -> None:
    """UsageError if nothing listens at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = (address or "").rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), _KNOCK_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"--address {address}: no Ray cluster answers there ({error})") from None


def _workers(where: OnRay, resources: Mapping[str, float]) -> int:
    """How many actors to ask for; UsageError if the cluster could not hold as many, even when idle."""
    cpus, gpus = int(resources.get("CPU", 0)), resources.get("GPU", 0.0)
    each = where.gpus_per_worker
    room = min(cpus, int(gpus / each + 1e-9)) if each else cpus
    needs = f"1 CPU and {each:g} GPU" if each else "1 CPU"
    if (where.workers or 1) > room:
        raise UsageError(
            f"the Ray cluster ({cpus} CPUs, {gpus:g} GPUs) has room for {room} workers of {needs} each,"
            f" not {where.workers or 1}"
        )
    return where.workers or room


def _reason(error: BaseException) -> str:
    """What a Ray error says, in a few words: its last sentence about a death, else its first line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    why = [line for line in lines if line.startswith("The actor died")]
    text = (why or lines or [type(error).__name__])[-1 if why else 0]
    return text if len(text) <= 160 else f"{text[:157]}..."


@contextmanager
def _stdout_kept() -> Iterator[None]:
    """Ray's threads print what lost nodes logged on stdout, which is for results.

    It is not lost: Ray keeps it in its own log folder, and the pool's notes name every lost worker.
    """
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        yield


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray's own SIGTERM handler would end the process where it stands."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
