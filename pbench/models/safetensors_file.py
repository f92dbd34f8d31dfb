"""One safetensors file, read front to back: its tensors' shapes first, then their bytes, hashed on the way.

Nothing is mapped, so that a checkpoint needs memory for its weights once, and a file that is
replaced while a run goes on does no harm. Format: 8 bytes length of a JSON header, the header, data.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import torch
from torch import Tensor

from pbench.errors import ArtifactError

__all__ = ["Entry", "SafetensorsFile"]

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


_HASHED: dict[tuple[Path, int, int], str] = {}
"""SHA-256 of files read before in this process, by path, size and time of change."""


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
        self._key = (path.resolve(), size, status.st_mtime_ns)
        self.entries = self._entries(size - 8 - length)

    def chunks(self) -> Iterator[tuple[Entry, int, Tensor]]:
        """Every tensor's rows [start, start + len): (entry, start, rows); `digest` is set after the last.

        A tensor without dimensions is one row. The rows are valid until the next chunk.
        """
        sha256 = None if self._key in _HASHED else hashlib.sha256(self._header)
        with self.path.open("rb", buffering=0) as file:
            file.seek(len(self._header))
            for entry in self.entries:
                shape = entry.shape or (1,)
                row_bytes = (entry.stop - entry.start) // max(1, shape[0])
                step = max(1, _CHUNK_BYTES // max(1, row_bytes))
                for start in range(0, shape[0], step):
                    rows = torch.empty(min(step, shape[0] - start), *shape[1:], dtype=entry.dtype)
                    buffer = rows.view(-1).view(torch.uint8).numpy().data
                    self._fill(file, buffer)
                    if sha256 is not None:
                        sha256.update(buffer)
                    yield entry, start, rows
        if sha256 is not None:
            _HASHED[self._key] = sha256.hexdigest()
        self.digest = _HASHED[self._key]

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
