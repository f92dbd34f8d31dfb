"""The inside of a worker process: load the model once, decode what is handed over, send rows back.

Messages to the worker: samples like those to come, then lists of samples, or None to end. Messages
from it: `Ready`, `Row`, `Noted`, `Finished` (a list is done), `Failed` (an error that ends the run).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait

from pbench.decode.memory import out_of_memory
from pbench.decode.runners import LocalRunner
from pbench.errors import UsageError
from pbench.records import Generation

__all__ = ["Failed", "Finished", "Noted", "Opener", "Ready", "Row", "work"]

Opener = Callable[[str, int], LocalRunner]
"""(device, processes that share the machine's memory) -> the loaded model; can be pickled."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded."""

    batch_size: int


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
    """An error that is not a sample's own; `error` is what was raised, or its text."""

    error: Exception


def work(connection: Connection, opener: Opener, device: str, threads: int, sharers: int) -> None:
    """Main function of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _serve(connection, opener, device, threads, sharers)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone, and nobody wants the rows
    except Exception as error:
        connection.send(Failed(_portable(error)))


def _serve(connection: Connection, opener: Opener, device: str, threads: int, sharers: int) -> None:
    import torch

    torch.set_num_threads(threads)
    runner = _open(opener, device, sharers)
    runner.prepare(connection.recv())
    connection.send(Ready(runner.batch_size))
    told = 0
    while samples := connection.recv():
        for generation in runner.run(samples):
            connection.send(Row(generation))
        for note in runner.notes[told:]:
            connection.send(Noted(note))
        told = len(runner.notes)
        connection.send(Finished(runner.batch_size))


def _open(opener: Opener, device: str, sharers: int) -> LocalRunner:
    try:
        return opener(device, sharers)
    except Exception as error:
        if not out_of_memory(error):
            raise
    raise UsageError(f"{device}: out of memory while loading the model; take another --dtype or device")


def _end_with_parent() -> None:
    """Leave at once when the parent process is gone, however it went."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _portable(error: Exception) -> Exception:
    """The error if it survives a pickle, else one that says the same."""
    import pickle
    import traceback

    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note("".join(traceback.format_exception(error)))
    return error
