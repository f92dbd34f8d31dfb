"""The block of a score file: its Sheet, and where its manifest lies, to be read without Parquet.

From the end: a mark of 16 bytes; the length of a JSON header (4 bytes, little-endian); the header;
before it the columns of the sheet, one after another. The header holds the number of `rows`, the
names of the `tasks`, the numpy type of each column and `manifest`, the place of the manifest's JSON in
the footer: its start and its length in bytes. A column has the smallest type that gives back each
of its numbers to the last bit.

The mark is also a hash of what the columns are. A block with another mark is passed over.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import orjson

from pbench.artifacts.sheet import PER_ROW, STATUSES, Sheet

__all__ = ["Block", "from_bytes", "is_before", "to_bytes"]

_FORM = 1  # another number where this form, or what a number in a Sheet means, is another
_MARK = b"pbsheet\0" + hashlib.sha256(repr((_FORM, PER_ROW, STATUSES)).encode()).digest()[:8]
_LENGTH_BYTES = 4
_SMALL = {"f": ("|u1", "<u2", "<u4", "<f4"), "i": ("|u1", "<u2", "<u4")}  # by the kind in memory
_INTEGERS = {"task": "<i8", "index": "<i8", "status": "|i1"}
_TYPES = {name: np.dtype(_INTEGERS.get(name, "<f8")) for name in PER_ROW}  # in memory
_BACKWARDS = tuple(reversed(_TYPES.items()))


class Block(NamedTuple):
    """The rows of a score file, and the place of the manifest in its footer."""

    sheet: Sheet
    manifest: slice


def to_bytes(sheet: Sheet, manifest: slice) -> bytes:
    """The block of `sheet`; `manifest` is where its JSON stands in the footer, in bytes."""
    columns = [_packed(getattr(sheet, name).astype(kind)) for name, kind in _TYPES.items()]
    header = orjson.dumps(
        {
            "rows": len(sheet.task),
            "tasks": sheet.tasks,
            "types": [column.dtype.str for column in columns],
            "manifest": [manifest.start, manifest.stop - manifest.start],
        }
    )
    data = b"".join(column.tobytes() for column in columns)
    return data + header + len(header).to_bytes(_LENGTH_BYTES, "little") + _MARK


def is_before(data: bytes, end: int) -> bool:
    """Whether a block of this form ends at `end`."""
    return data.endswith(_MARK, 0, end)


def from_bytes(data: bytes, end: int) -> Block:
    """The block that ends at `end`; `data` are known to be as they were written."""
    last = end - len(_MARK) - _LENGTH_BYTES
    first = last - int.from_bytes(data[last : last + _LENGTH_BYTES], "little")
    header = orjson.loads(data[first:last])
    rows, columns = header["rows"], {}
    for (name, kind), stored in zip(_BACKWARDS, reversed(header["types"]), strict=True):
        first -= rows * int(stored[2])
        columns[name] = np.frombuffer(data, stored, rows, first).astype(kind)  # a copy, aligned
    start, length = header["manifest"]
    return Block(Sheet(**columns, tasks=tuple(header["tasks"])), slice(start, start + length))


def _packed(column: np.ndarray) -> np.ndarray:
    """The column in the smallest type that keeps each number, NaN and minus zero included."""
    exact = column.tobytes()
    with np.errstate(invalid="ignore", over="ignore"):
        for kind in _SMALL[column.dtype.kind]:
            small = column.astype(kind)
            if small.itemsize < column.itemsize and small.astype(column.dtype).tobytes() == exact:
                return small
    return column
