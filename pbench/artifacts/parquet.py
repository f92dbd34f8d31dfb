"""The Parquet form: rows in checksummed pages, the manifest in the footer, a seal over both.

Page checksums cover neither page headers nor the footer. So 72 bytes stand between the last page
and the footer: a mark of 8 bytes, the SHA-256 of everything before it and the SHA-256 of
everything after it. Before these, scores have the block of `sheet_block`, which the first hash
covers. Parquet readers follow the footer's offsets and never look at either.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pbench.artifacts import manifest as manifests
from pbench.artifacts.files import atomic_file
from pbench.artifacts.rows import Record, from_row, to_row
from pbench.artifacts.schemas import Kind, column_names, schema
from pbench.artifacts.scored import Scored
from pbench.errors import ArtifactError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pbench.artifacts.sheet import Sheet

__all__ = [
    "ForeignError",
    "is_parquet",
    "read_columns",
    "read_manifest",
    "read_rows",
    "scan",
    "write",
]

_KEY = "pbench"
_MAGIC = b"PAR1"
_SEAL = b"pbench\x00\x01"
_HASH_BYTES = hashlib.sha256().digest_size
_SEAL_BYTES = len(_SEAL) + 2 * _HASH_BYTES
_TAIL_BYTES = 4 + len(_MAGIC)  # length of the footer, then the magic bytes
_GROUP_ROWS = 256  # bounds the memory of a reader; traces make rows large
_WHOLE_BYTES = 1 << 20  # smaller files are read at once: Parquet then never waits for the interpreter
# A thread of Arrow's that lets go of a Python file's buffer while the interpreter ends aborts the process.
_THREADS = False
_MAPS = ("usage", "scores", "reasons")


class ForeignError(ArtifactError):
    """A sound Parquet file that pbench did not write."""


def write(path: Path, kind: Kind, rows: Iterable[Record], manifest: Mapping[str, Any]) -> None:
    """Write `rows` to `path`, whole or not at all; equal input gives equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pbench.artifacts.sheet import sheet_of

    columns = schema(kind)
    with atomic_file(path) as file:
        with pq.ParquetWriter(
            file,
            columns,
            compression="zstd",
            compression_level=3,
            version="2.6",
            write_statistics=False,
            store_schema=False,
            write_page_checksum=True,
        ) as writer:
            count, remaining = 0, iter(rows)
            sheets = [] if kind != "scores" else [sheet_of(columns.empty_table())]
            while batch := [_to_arrow(to_row(record)) for record in islice(remaining, _GROUP_ROWS)]:
                table = pa.Table.from_pylist(batch, schema=columns)
                writer.write_table(table, row_group_size=_GROUP_ROWS)
                count += len(batch)
                if sheets:
                    sheets.append(sheet_of(table))
            told = manifests.to_bytes(manifests.complete(manifest, kind, count))
            writer.add_key_value_metadata({_KEY: told})
        _seal(file, path, sheets, told)


def is_parquet(path: Path) -> bool:
    """Whether `path` begins as a Parquet file does; False where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest; the footer is verified, the rows are not."""
    with _opened(path) as (_file, _parquet, manifest):
        return manifest


def read_rows(path: Path, kind: Kind, absent: Mapping[str, Any]) -> Iterator[Record]:
    """The records, one row group at a time; the whole file is verified before the first.

    The columns in `absent` are not read: each row has the value that is given there.
    """
    with _verified(path, kind) as (parquet, _manifest):
        number = 0
        columns = [name for name in parquet.schema_arrow.names if name not in absent]
        for group in range(parquet.num_row_groups):
            for row in parquet.read_row_group(group, columns, use_threads=_THREADS).to_pylist():
                try:
                    record = from_row(kind, {**row, **absent})
                except (KeyError, TypeError, ValueError) as error:
                    raise ArtifactError(f"{path}: row {number} is not as it should be: {error!r}") from None
                yield record
                number += 1


def read_columns(path: Path, kind: Kind, columns: Sequence[str]) -> pa.Table:
    """Only `columns`, in the order given; the whole file is verified."""
    with _verified(path, kind) as (parquet, manifest):
        return _columns(parquet, kind, manifest["schema_version"], columns)


def read_batches(path: Path, kind: Kind, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The same, some thousand rows at a time; the whole file is verified before the first."""
    with _verified(path, kind) as (parquet, _manifest):
        yield from parquet.iter_batches(_GROUP_ROWS, columns=list(columns), use_threads=_THREADS)


def scan(path: Path) -> Scored | Kind:
    """Manifest and numbers of scores, the whole file verified; of others the kind, the footer verified."""
    return _glance(path) or _scan(path)


def _glance(path: Path) -> Scored | Kind | None:
    """scan of a sound file by its last bytes and its block, in a tenth of the time that Parquet takes.

    None for any other file, and for scores that have no block or more than 1 MB.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            footer = _sealed_footer(file, size)
            kind = manifests.kind_in(footer)
            if kind != "scores":
                return kind
            file.seek(0)
            return _from_block(file.read(), footer, path) if size <= _WHOLE_BYTES else None
    except OSError:
        return None


def _sealed_footer(file: FileIO, size: int) -> bytes:
    """As _read_footer, if the seal vouches for it; otherwise empty or an OSError."""
    file.seek(size - _TAIL_BYTES)
    length = int.from_bytes(file.read(4), "little") + _TAIL_BYTES
    file.seek(size - length - _SEAL_BYTES)
    seal, footer = file.read(_SEAL_BYTES), file.read()
    sound = seal.startswith(_SEAL) and seal.endswith(hashlib.sha256(footer).digest())
    return footer if sound else b""


def _from_block(data: bytes, footer: bytes, path: Path) -> Scored | None:
    from pbench.artifacts import sheet_block

    end = len(data) - len(footer) - _SEAL_BYTES
    if not sheet_block.is_before(data, end):
        return None
    if not data.startswith(hashlib.sha256(data[:end]).digest(), end + len(_SEAL)):
        return None
    block = sheet_block.from_bytes(data, end)
    manifest = manifests.parse(footer[block.manifest], path)
    return Scored(manifest, block.sheet) if manifest["rows"] == len(block.sheet.task) else None


def _scan(path: Path) -> Scored | Kind:
    """The same with Parquet, for any file; ArtifactError says what is wrong with it."""
    from pbench.artifacts.sheet import COLUMNS, sheet_of

    with _opened(path) as (file, parquet, manifest):
        kind: Kind = manifest["kind"]
        if kind != "scores":
            return kind
        _verify(file, parquet, manifest, kind, path)
        return Scored(manifest, sheet_of(_columns(parquet, kind, manifest["schema_version"], COLUMNS)))


def _columns(parquet: pq.ParquetFile, kind: Kind, version: int, columns: Sequence[str]) -> pa.Table:
    """`columns` in the order given; those that are younger than the file are null."""
    import pyarrow as pa

    known = set(column_names(kind, version))
    table = parquet.read(columns=[name for name in columns if name in known], use_threads=_THREADS)
    for name in columns:
        if name not in known:
            field = schema(kind).field(name)
            table = table.append_column(field, pa.nulls(parquet.metadata.num_rows, field.type))
    return table.select(list(columns))


def _to_arrow(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: list(row[name].items()) for name in _MAPS if row.get(name) is not None}


def _seal(file: BinaryIO, path: Path, sheets: Sequence[Sheet], manifest: bytes) -> None:
    """Put block and seal between the pages and the footer of the Parquet file that `file` holds."""
    from pbench.artifacts import sheet_block
    from pbench.artifacts.sheet import joined

    file.flush()
    with open(file.name, "rb") as written:
        footer = _read_footer(written, path)
        file.seek(-len(footer), os.SEEK_END)
        if sheets:
            start = footer.index(manifest)
            file.write(sheet_block.to_bytes(joined(sheets), slice(start, start + len(manifest))))
            file.flush()
        pages = _hash_until(written, file.tell())
    file.write(_SEAL + pages + hashlib.sha256(footer).digest() + footer)


@contextmanager
def _verified(path: Path, kind: Kind) -> Iterator[tuple[pq.ParquetFile, dict[str, Any]]]:
    """The open file, when each of its bytes is known to be as written and it holds `kind`."""
    with _opened(path) as (file, parquet, manifest):
        manifests.require_kind(manifest, kind, path)
        _verify(file, parquet, manifest, kind, path)
        yield parquet, manifest


def _verify(
    file: BinaryIO, parquet: pq.ParquetFile, manifest: Mapping[str, Any], kind: Kind, path: Path
) -> None:
    """ArtifactError unless the rows are those that were written."""
    end = file.seek(0, os.SEEK_END) - len(_read_footer(file, path)) - _SEAL_BYTES
    file.seek(end + len(_SEAL))
    if file.read(_HASH_BYTES) != _hash_until(file, end):
        raise ArtifactError(f"{path}: damaged: its rows are not those that were written; make it again")
    rows = parquet.metadata.num_rows
    columns = schema(kind, manifest["schema_version"])
    if not parquet.schema_arrow.equals(columns) or rows != manifest["rows"]:
        raise ArtifactError(f"{path}: its columns or its number of rows are not those of its manifest")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, pq.ParquetFile, dict[str, Any]]]:
    """The open file and its manifest, when its footer is known to be as written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open(path, "rb") as disk:
            file: BinaryIO = disk
            source: Any = disk
            if os.fstat(disk.fileno()).st_size <= _WHOLE_BYTES:
                data = disk.read()
                file, source = io.BytesIO(data), pa.BufferReader(data)
            sealed = _is_sealed(file, path)
            with pq.ParquetFile(source, page_checksum_verification=True) as parquet:
                manifest = _manifest_in(parquet.metadata.metadata or {}, path)
                if not sealed:
                    raise ArtifactError(f"{path}: damaged, or rewritten by another program; make it again")
                yield file, parquet, manifest
    except (OSError, pa.ArrowException) as error:
        raise ArtifactError(f"{path}: cannot be read: {_first_line(error)}") from None


def _manifest_in(metadata: Mapping[bytes, bytes], path: Path) -> dict[str, Any]:
    data = metadata.get(_KEY.encode())
    if data is None:
        raise ForeignError(f"{path}: a Parquet file, but none of pbench (it has no manifest)")
    return manifests.parse(data, path)


def _is_sealed(file: BinaryIO, path: Path) -> bool:
    """False where there is no seal; ArtifactError where there is one that the footer breaks."""
    footer = _read_footer(file, path)
    start = file.seek(0, os.SEEK_END) - len(footer) - _SEAL_BYTES
    if start < len(_MAGIC):
        return False
    file.seek(start)
    seal = file.read(_SEAL_BYTES)
    if not seal.startswith(_SEAL):
        return False
    if seal[-_HASH_BYTES:] != hashlib.sha256(footer).digest():
        raise ArtifactError(f"{path}: damaged: its footer is not the one that was written; make it again")
    return True


def _read_footer(file: BinaryIO, path: Path) -> bytes:
    """Footer, its length and the closing magic bytes; ArtifactError where there is no footer."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        raise ArtifactError(f"{path}: is empty; make it again")
    file.seek(0)
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ArtifactError(f"{path}: is not a Parquet file")
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    length = int.from_bytes(tail[:4], "little") + _TAIL_BYTES
    if not tail.endswith(_MAGIC) or length > size - len(_MAGIC):
        raise ArtifactError(f"{path}: truncated or damaged: it has no Parquet footer; make it again")
    file.seek(size - length)
    return file.read(length)


def _hash_until(file: BinaryIO, end: int) -> bytes:
    """SHA-256 of the first `end` bytes of `file`."""
    digest = hashlib.sha256()
    file.seek(0)
    while end and (chunk := file.read(min(end, 1 << 20))):
        digest.update(chunk)
        end -= len(chunk)
    return digest.digest()


def _first_line(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return strerror or (str(error).splitlines() or [type(error).__name__])[0]
