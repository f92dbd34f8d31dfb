"""Artifacts by file ending: .jsonl is one object a line, everything else is Parquet."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import orjson

from pbench.artifacts import jsonl, parquet
from pbench.artifacts import manifest as manifests
from pbench.artifacts.rows import Record, kind_of_record, to_row
from pbench.artifacts.schemas import Kind, column_names
from pbench.artifacts.scored import Scored
from pbench.errors import ArtifactError, UsageError, unknown_name
from pbench.records import Generation, Sample

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "kind_of",
    "once_each",
    "read_answers",
    "read_batches",
    "read_columns",
    "read_manifest",
    "read_rows",
    "samples_hash",
    "scan",
    "write_artifact",
]

_LEFT_OUT: dict[str, Any] = {"messages": (), "output_ids": None, "commit_step": None, "trace": None}


def write_artifact(path: Path, kind: Kind, rows: Iterable[Record], manifest: Mapping[str, Any]) -> Path:
    """Write an artifact whole or not at all and return `path`.

    `schema_version`, `kind`, `pbench_version` and `rows` are added to the manifest. On any failure
    what stood at `path` stays as it was. UsageError for another ending than .parquet or .jsonl;
    TypeError for a record of another kind; OSError where the disk refuses.
    """
    if path.suffix not in (".parquet", ".jsonl"):
        raise UsageError(f"{path}: artifacts end in .parquet or .jsonl")
    _form(path).write(path, kind, _only(kind, rows), manifest)
    return path


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of an artifact; ArtifactError if it is missing, damaged, foreign or newer."""
    _require_file(path)
    return _form(path).read_manifest(path)


def read_rows(path: Path, kind: Kind) -> Iterator[Any]:
    """The records of an artifact, streamed.

    ArtifactError at once for a file that is no readable artifact of `kind`; at the first row if
    its content is not what was written. Rows that come out are the rows that went in.
    """
    manifests.require_kind(read_manifest(path), kind, path)
    return _form(path).read_rows(path, kind, {})


def read_answers(path: Path) -> Iterator[Generation]:
    """The generations of an artifact without what costs the most to read: prompts, ids, traces.

    `messages` is empty, `output_ids`, `commit_step` and `trace` are None. Errors as in read_rows.
    """
    manifests.require_kind(read_manifest(path), "generations", path)
    return _form(path).read_rows(path, "generations", _LEFT_OUT)


def once_each(rows: Iterable[Generation], path: Path) -> Iterator[Generation]:
    """`rows` of the file `path` as they are; ArtifactError at a sample's second row."""
    seen: set[str] = set()
    for row in rows:
        name = row.sample.sample_id
        if name in seen:
            raise ArtifactError(
                f"{path}: {name} stands twice in it; it would count twice. Make the file again"
            )
        seen.add(name)
        yield row


def read_columns(path: Path, kind: Kind, columns: Sequence[str]) -> pa.Table:
    """Only `columns` of an artifact, as an Arrow table, verified; errors as in read_rows."""
    _require_columns(kind, columns)
    _require_file(path)
    return _form(path).read_columns(path, kind, columns)


def read_batches(path: Path, kind: Kind, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """read_columns some thousand rows at a time, in the order of the file's columns."""
    _require_columns(kind, columns)
    _require_file(path)
    return _form(path).read_batches(path, kind, columns)


def scan(path: Path) -> Scored | Kind | None:
    """What a report reads of a score file, only the kind of another artifact, or None for no artifact.

    For searches through many files. ArtifactError as kind_of raises it, and for scores as read_columns.
    """
    if not _may_be_artifact(path):
        return None
    try:
        return _form(path).scan(path)
    except parquet.ForeignError:
        return None


def kind_of(path: Path) -> Kind | None:
    """Which artifact `path` is; None if it is none of pbench's.

    ArtifactError where it is one that cannot be read (damaged, or written by a newer pbench): a
    search through folders must not pass over it in silence.
    """
    if not _may_be_artifact(path):
        return None
    try:
        return read_manifest(path)["kind"]
    except parquet.ForeignError:
        return None


def samples_hash(samples: Iterable[Sample]) -> str:
    """SHA-256 (hex) of the content of samples, in their order."""
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(orjson.dumps(to_row(sample), option=orjson.OPT_SORT_KEYS) + b"\n")
    return digest.hexdigest()


def _may_be_artifact(path: Path) -> bool:
    """Whether there is a file whose name or first bytes are those of an artifact."""
    if not path.is_file():
        return False
    if path.suffix == ".jsonl":
        return jsonl.manifest_path(path).is_file()
    return path.suffix == ".parquet" or parquet.is_parquet(path)


def _form(path: Path) -> ModuleType:
    return jsonl if path.suffix == ".jsonl" else parquet


def _only(kind: Kind, rows: Iterable[Record]) -> Iterator[Record]:
    for record in rows:
        if kind_of_record(record) != kind:
            raise TypeError(f"a {type(record).__name__} among the rows of {kind}")
        yield record


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise ArtifactError(f"{path}: is a folder; name a file")
    if not os.path.lexists(path):
        raise ArtifactError(f"{path}: there is no such file")
    if path.exists() and not path.is_file():  # opening a pipe would wait for who writes to it
        raise ArtifactError(f"{path}: is a device or a pipe; name a file")


def _require_columns(kind: Kind, columns: Sequence[str]) -> None:
    for name in columns:
        if name not in column_names(kind):
            raise unknown_name(f"column of {kind}", name, column_names(kind))
