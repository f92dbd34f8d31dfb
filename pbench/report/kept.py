"""What was read from the score files of a folder, kept for the next report over it.

An entry is found by the seal of a file, which stands for all its bytes: a file that was changed is
read again, one that was renamed is not. What is kept lies in `FOLDER/.pbench-cache/scores.kept`; a
file that cannot be read or written (read-only folder, damaged, of another version) is done without.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from pbench import __version__
from pbench.artifacts import atomic_file
from pbench.errors import UsageError
from pbench.report.sheet import PER_ROW, Sheet, joined

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Entry", "kept_path", "load", "store"]

_FORM = f"pbench scores kept, form 1, {__version__}"  # another number where a Sheet means something else
_HASH_BYTES = hashlib.sha256().digest_size


class Entry(NamedTuple):
    """A score file: its seal, its manifest and its rows."""

    seal: bytes
    manifest: dict[str, Any]
    sheet: Sheet


def kept_path(folder: Path) -> Path:
    """Where the entries for the score files in `folder` lie."""
    return folder / ".pbench-cache" / "scores.kept"


def load(path: Path) -> dict[bytes, Entry]:
    """The entries in a file by seal; empty where it is missing, damaged or of another version."""
    import pyarrow as pa

    with suppress(OSError, pa.ArrowException):
        data = memoryview(path.read_bytes())
        if hashlib.sha256(data[_HASH_BYTES:]).digest() == data[:_HASH_BYTES]:
            return {entry.seal: entry for entry in _entries(pa.py_buffer(data[_HASH_BYTES:]))}
    return {}


def store(path: Path, entries: Sequence[Entry]) -> None:
    """Replace what is kept by `entries`; a folder that takes no files is let be."""
    import pyarrow as pa

    rows = joined([entry.sheet for entry in entries])
    files = pa.table(
        {
            "seal": pa.array([entry.seal for entry in entries], pa.binary()),
            "manifest": pa.array([orjson.dumps(entry.manifest) for entry in entries], pa.binary()),
            "rows": pa.array([len(entry.sheet.task) for entry in entries], pa.int64()),
        }
    ).replace_schema_metadata({"form": _FORM, "tasks": orjson.dumps(rows.tasks)})
    sink = pa.BufferOutputStream()
    for table in (files, pa.table({name: getattr(rows, name) for name in PER_ROW})):
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as out:
            out.write_table(table)
    data = sink.getvalue()
    with suppress(OSError, UsageError), atomic_file(path) as file:
        file.write(hashlib.sha256(data).digest())
        file.write(data)


def _entries(data: pa.Buffer) -> Iterator[Entry]:
    """The entries in the two streams of a file; none if it is of another version."""
    import pyarrow as pa

    source = pa.BufferReader(data)
    files = pa.ipc.open_stream(source).read_all()
    metadata = files.schema.metadata or {}
    if metadata.get(b"form") != _FORM.encode():
        return
    rows = pa.ipc.open_stream(source).read_all()
    tasks = tuple(orjson.loads(metadata[b"tasks"]))
    sheet = Sheet(**{name: _column(rows, name) for name in PER_ROW}, tasks=tasks)
    counts = files["rows"].to_pylist()
    stops = np.cumsum(counts, dtype=np.int64).tolist()
    seals, manifests = files["seal"].to_pylist(), files["manifest"].to_pylist()
    for seal, manifest, stop, count in zip(seals, manifests, stops, counts, strict=True):
        yield Entry(seal, orjson.loads(manifest), sheet.part(stop - count, stop))


def _column(rows: pa.Table, name: str) -> np.ndarray:
    found: np.ndarray = rows[name].combine_chunks().to_numpy(zero_copy_only=False)
    return found
