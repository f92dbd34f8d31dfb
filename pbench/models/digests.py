"""SHA-256 of weight files, counted once in a process, and beside other work where that is known early.

A thread reads while this process imports torch: neither reading nor hashing needs the interpreter.
A file is known by path, size and time of change.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

__all__ = ["Key", "hash_ahead", "keep", "key_of", "known"]

Key = tuple[Path, int, int]

_CHUNK_BYTES = 2**24  # each one asks for the interpreter twice
_FOUND: dict[Key, Future[str | None]] = {}


def key_of(path: Path, status: os.stat_result) -> Key:
    """What a file is known by; `status` of the opened file."""
    return path.resolve(), status.st_size, status.st_mtime_ns


def known(key: Key) -> str | None:
    """SHA-256 (hex), waited for where it is being counted; None: nobody has counted it."""
    found = _FOUND.get(key)
    return None if found is None else found.result()


def keep(key: Key, digest: str) -> None:
    """What somebody counted who had to read the file anyway."""
    _FOUND[key] = Future()
    _FOUND[key].set_result(digest)


def hash_ahead(paths: Iterable[Path]) -> None:
    """Begin to count those of `paths`; what cannot be read is left to those who need it."""
    waiting: list[tuple[Key, Future[str | None]]] = []
    for path in paths:
        try:
            key = key_of(path, path.stat())
        except OSError:
            continue
        if key not in _FOUND:
            waiting.append((key, Future()))
    _FOUND.update(waiting)
    if waiting:  # a daemon: a command that ends in an error does not wait for it
        Thread(target=_count, args=(waiting,), name="hash-ahead", daemon=True).start()


def _count(waiting: Sequence[tuple[Key, Future[str | None]]]) -> None:
    for key, future in waiting:
        future.set_result(_sha256(key))


def _sha256(key: Key) -> str | None:
    """None if it is not, or no longer, the file that was meant."""
    path = key[0]
    sha256, buffer = hashlib.sha256(), bytearray(_CHUNK_BYTES)
    try:
        with path.open("rb", buffering=0) as file:
            while read := file.readinto(buffer):
                sha256.update(memoryview(buffer)[:read])
            same = key_of(path, os.fstat(file.fileno())) == key
    except OSError:
        return None
    return sha256.hexdigest() if same else None
