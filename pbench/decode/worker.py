"""The inside of a worker: a model loaded once, run after run decoded with it, rows handed back as messages.

It knows nothing of how messages travel: a worker process (`processes`) and a Ray actor (`ray_cluster`)
hold the same `Session`.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pbench import __version__
from pbench.artifacts import difference
from pbench.decode.memory import BatchSize, out_of_memory
from pbench.decode.runners import Answerer, LocalRunner
from pbench.errors import UsageError
from pbench.records import Generation, Sample

__all__ = [
    "Assemble",
    "Died",
    "Failed",
    "Finished",
    "Load",
    "Message",
    "Noted",
    "Order",
    "Ready",
    "Row",
    "Session",
    "loaded",
]

Load = Callable[[str], Any]
"""device -> the loaded model; can be pickled."""
Assemble = Callable[[Any, str], Answerer]
"""(loaded model, device) -> the model with the settings of one run; can be pickled."""


@dataclass(frozen=True, slots=True)
class Order:
    """A run to get ready for; `sizing` are samples like those to come, for `--batch-size auto`.

    `number` tells the runs of a pool apart. `identity` is what the run's manifest says of the model: a
    worker that finds another one refuses.
    """

    number: int
    assemble: Assemble
    batch_size: BatchSize
    sizing: tuple[Sample, ...]
    identity: Mapping[str, Any]
    version: str = field(default=__version__)


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded, and run `number` can begin."""

    batch_size: int
    number: int


@dataclass(frozen=True, slots=True)
class Row:
    """One answer."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that a reader of the results should know."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Every sample of the list has its row; `batch_size` is what fits."""

    batch_size: int


@dataclass(frozen=True, slots=True)
class Failed:
    """An error of run `number` that is not a sample's own; `loading`: there is no model."""

    error: Exception
    number: int
    loading: bool = False


@dataclass(frozen=True, slots=True)
class Died:
    """The worker is gone; `how` in words. `killed`: perhaps for want of memory."""

    how: str
    killed: bool = False


Message = Ready | Row | Noted | Finished | Failed | Died


class Session:
    """A worker's model and the run that it is at; `sharers` processes share the machine's memory."""

    def __init__(self, load: Load, device: str, threads: int, sharers: int):
        self._load = load
        self._device = device
        self._threads = threads
        self._sharers = sharers
        self._model: Any = None
        self._runner: LocalRunner | None = None
        self._told = 0
        self._number = 0

    def begin(self, order: Order) -> Iterator[Message]:
        """Get ready for a run; the first time, load the model."""
        self._number = order.number
        try:
            if self._model is None:
                import torch

                torch.set_num_threads(self._threads)
                self._model = loaded(self._load, self._device)
            _same_model(order, self._model)
        except Exception as error:
            yield Failed(_portable(error), order.number, loading=True)
            return
        try:
            answerer = order.assemble(self._model, self._device)
            self._runner, self._told = LocalRunner(answerer, order.batch_size, self._sharers), 0
            self._runner.prepare(order.sizing)
            yield Ready(self._runner.batch_size, order.number)
        except Exception as error:
            yield Failed(_portable(error), self._number)

    def decode(self, samples: Sequence[Sample]) -> Iterator[Message]:
        """Decode a list of samples of the run."""
        runner = self._runner
        assert runner is not None
        try:
            for generation in runner.run(samples):
                yield Row(generation)
            for note in runner.notes[self._told :]:
                yield Noted(note)
            self._told = len(runner.notes)
            yield Finished(runner.batch_size)
        except Exception as error:
            yield Failed(_portable(error), self._number)


def loaded(load: Load, device: str) -> Any:
    """The model; UsageError if the device has too little memory for it."""
    try:
        return load(device)
    except Exception as error:
        if not out_of_memory(error):
            raise
    raise UsageError(f"{device}: out of memory while loading the model; take another --dtype or device")


def _same_model(order: Order, model: Any) -> None:
    """UsageError if this worker's pbench or model is not what the run was planned with."""
    if order.version != __version__:
        raise UsageError(f"a worker has pbench {__version__}, the run was planned by {order.version}")
    changed = difference(order.identity, model.identity)
    if changed:
        raise UsageError(f"a worker found another model than the run was planned for: {'; '.join(changed)}")


def _portable(error: Exception) -> Exception:
    """The error if it survives a pickle, else one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note("".join(traceback.format_exception(error)))
    return error
