"""One safetensors file, read front to back: its tensors' shapes first, then their bytes, hashed on the way.

Nothing is mapped, so that a checkpoint needs memory for its weights once, and a file that is
replaced while a run goes on does no harm. Format: 8 bytes length of a JSON header, the header, data.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import torch
from torch import Tensor

from pbench.artifacts import file_hash
from pbench.errors import ArtifactError
from pbench.models.digests import keep, key_of, known

__all__ = ["Entry", "Room", "SafetensorsFile", "nowhere"]

_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_LONGEST_HEADER = 100_000_000  # as the reference implementation has it
_CHUNK_BYTES = 2**25


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor of the file; `start` and `stop` are byte offsets after the header."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def rows(self) -> tuple[int, ...]:
        """The shape with the dimension of rows that it is read by."""
        return self.shape or (1,)


Room = Callable[[Entry], Tensor | None]
"""Where a tensor's bytes may go as they are: memory of its shape and dtype; None: nowhere."""


def nowhere(_entry: Entry) -> None:
    """The `Room` of those who want every tensor handed over."""


class SafetensorsFile:
    """`entries` in the order of their bytes; ArtifactError for a file that is not whole or not understood."""

    def __init__(self, path: Path):
        self.path = path
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                size = status.st_size
                length = int.from_bytes(file.read(8), "little")
                if not 0 < length <= min(_LONGEST_HEADER, size - 8):
                    raise self._broken("it has no safetensors header")
                self._header = length.to_bytes(8, "little") + file.read(length)
        except OSError as error:
            raise ArtifactError(f"{path}: {error.strerror}") from None
        self._key = key_of(path, status)
        self.entries = self._entries(size - 8 - length)

    def digest(self) -> str:
        """SHA-256 of the file; it is read if nobody has counted it."""
        found = known(self._key)
        if found is None:
            found = file_hash(self.path)
            keep(self._key, found)
        return found

    def chunks(self, room: Room = nowhere) -> Iterator[tuple[Entry, int, Tensor]]:
        """Every tensor's rows [start, start + len) but those that go into a `room`: (entry, start, rows).

        A tensor without dimensions is one row. The rows are valid until the next chunk.
        """
        sha256 = None if known(self._key) else hashlib.sha256(self._header)
        with self.path.open("rb", buffering=0) as file:
            file.seek(len(self._header))
            for entry in self.entries:
                whole = room(entry)
                for start, stop in self._steps(entry):
                    rows = (
                        _empty(entry, stop - start) if whole is None else whole.view(entry.rows)[start:stop]
                    )
                    buffer = rows.reshape(-1).view(torch.uint8).numpy().data
                    self._fill(file, buffer)
                    if sha256 is not None:
                        sha256.update(buffer)
                    if whole is None:
                        yield entry, start, rows
        if sha256 is not None:
            keep(self._key, sha256.hexdigest())

    def _steps(self, entry: Entry) -> Iterator[tuple[int, int]]:
        """Rows that are read at a time, (first, end)."""
        count = entry.rows[0]
        step = max(1, _CHUNK_BYTES // max(1, (entry.stop - entry.start) // max(1, count)))
        for start in range(0, count, step):
            yield start, min(start + step, count)

    def _fill(self, file: object, buffer: memoryview) -> None:
        done = 0
        while done < len(buffer):
            read = file.readinto(buffer[done:])  # type: ignore[attr-defined]
            if not read:
                raise self._broken("it ends early")
            done += read

    def _entries(self, data_bytes: int) -> list[Entry]:
        try:
            header = orjson.loads(self._header[8:])
            entries = [self._entry(name, said) for name, said in header.items() if name != "__metadata__"]
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
            raise self._broken("its header is no safetensors header") from None
        entries.sort(key=lambda entry: (entry.start, entry.stop))
        end = 0
        for entry in entries:
            if entry.start != end:
                raise self._broken(f"there is a gap or an overlap before tensor {entry.name}")
            end = entry.stop
        if end != data_bytes:
            raise self._broken(f"it holds {data_bytes} bytes of data, its header says {end}")
        return entries

    def _entry(self, name: str, said: dict[str, object]) -> Entry:
        dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
        if dtype not in _DTYPES:
            known = ", ".join(_DTYPES)
            raise ArtifactError(f"{self.path}: tensor {name} is {dtype}; only {known} can be loaded")
        if not isinstance(shape, list) or not isinstance(offsets, list):
            raise TypeError
        start, stop = offsets
        entry = Entry(name, _DTYPES[str(dtype)], tuple(shape), start, stop)
        if stop - start != math.prod(shape) * entry.dtype.itemsize:
            raise self._broken(f"tensor {name} of shape {shape} has {stop - start} bytes")
        return entry

    def _broken(self, why: str) -> ArtifactError:
        return ArtifactError(f"{self.path}: {why}; the file is truncated or corrupt, fetch it again")


def _empty(entry: Entry, rows: int) -> Tensor:
    return torch.empty(rows, *entry.rows[1:], dtype=entry.dtype)
