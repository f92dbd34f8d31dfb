"""The .jsonl form: the same columns, one object a line, the manifest in FILE.manifest.json.

The manifest is written last and holds the number of rows and the SHA-256 of the .jsonl file, so
that a torn or edited file is found; `manifest_sha256` does the same for the manifest itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from pbench.artifacts import manifest as manifests
from pbench.artifacts.files import atomic_file, file_hash, leftovers, sync_folder
from pbench.artifacts.rows import Record, from_row, to_row
from pbench.artifacts.schemas import Kind, column_names, schema
from pbench.artifacts.scored import Scored
from pbench.artifacts.text import json_bytes
from pbench.errors import ArtifactError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["finish_writing", "manifest_path", "read_columns", "read_manifest", "read_rows", "scan", "write"]

_ENDING = ".manifest.json"
_SEALS = ("sha256", "manifest_sha256")


def manifest_path(path: Path) -> Path:
    """Where the manifest of the .jsonl file `path` lies."""
    return path.with_name(path.name + _ENDING)


def write(path: Path, kind: Kind, rows: Iterable[Record], manifest: Mapping[str, Any]) -> None:
    """Write `rows` and then the manifest, each whole or not at all.

    Both temporary files are complete before either is renamed; a machine that dies between the
    two renames leaves a pair that readers refuse and `finish_writing` completes.
    """
    with atomic_file(manifest_path(path)) as beside, atomic_file(path) as file:
        count, digest = 0, hashlib.sha256()
        for record in rows:
            line = orjson.dumps(to_row(record)) + b"\n"
            file.write(line)
            digest.update(line)
            count += 1
        whole = manifests.complete(manifest, kind, count) | {"sha256": digest.hexdigest()}
        data = manifests.to_bytes(whole)
        whole["manifest_sha256"] = hashlib.sha256(data).hexdigest()
        beside.write(json_bytes(whole, orjson.OPT_INDENT_2) + b"\n")
        beside.flush()
        os.fsync(beside.fileno())


def finish_writing(path: Path) -> None:
    """Give its name to the manifest that a killed writer of `path` left between its two renames.

    Only for who holds the run's lock; nothing where the rows are not those of a manifest left there.
    """
    beside = manifest_path(path)
    for leftover in leftovers(beside):
        with suppress(OSError, ArtifactError):
            if _unsealed(leftover.read_bytes(), leftover).get("sha256") == file_hash(path):
                os.replace(leftover, os.path.realpath(beside))
                sync_folder(beside.parent)


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest, verified against its own hash; the rows are not read."""
    return _without_seals(_sealed_manifest(path))


def read_rows(path: Path, kind: Kind, absent: Mapping[str, Any]) -> Iterator[Record]:
    """The records, with the values in `absent` for their own; the whole file is verified before the first."""
    for number, row in enumerate(_rows(path, kind), 1):
        try:
            yield from_row(kind, {**row, **absent})
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{path}:{number}: not a row of {kind}: {error!r}") from None


def read_columns(path: Path, kind: Kind, columns: Sequence[str]) -> pa.Table:
    """Only `columns`, in the order given; the whole file is verified."""
    import pyarrow as pa

    kept = pa.schema([schema(kind).field(name) for name in columns])
    rows = [{name: _to_arrow(row[name]) for name in columns} for row in _rows(path, kind)]
    try:
        return pa.Table.from_pylist(rows, schema=kept)
    except (pa.ArrowException, OverflowError) as error:
        raise ArtifactError(f"{path}: has values that are none of {kind}: {error}") from None


def read_batches(path: Path, kind: Kind, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The same in pieces; JSON is for few rows, and read at once."""
    yield from read_columns(path, kind, columns).to_batches()


def scan(path: Path) -> Scored | Kind:
    """Manifest and numbers of scores; only the kind of another artifact."""
    from pbench.artifacts.sheet import COLUMNS, sheet_of

    manifest = read_manifest(path)
    kind: Kind = manifest["kind"]
    return Scored(manifest, sheet_of(read_columns(path, kind, COLUMNS))) if kind == "scores" else kind


def _to_arrow(value: Any) -> Any:
    return list(value.items()) if isinstance(value, dict) else value


def _rows(path: Path, kind: Kind) -> Iterator[dict[str, Any]]:
    manifest = _sealed_manifest(path)
    manifests.require_kind(manifest, kind, path)
    with open(path, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != manifest["sha256"]:
            raise ArtifactError(f"{path}: truncated, damaged or edited: not the rows of its manifest")
        file.seek(0)
        for number, line in enumerate(file, 1):
            yield _row(line, kind, manifest["schema_version"], f"{path}:{number}")


def _row(line: bytes, kind: Kind, version: int, where: str) -> dict[str, Any]:
    """The columns of a line; those that are younger than the file are null."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise ArtifactError(f"{where}: not JSON") from None
    expected = column_names(kind, version)
    missing = [name for name in expected if not isinstance(row, dict) or name not in row]
    if missing:
        raise ArtifactError(f"{where}: not a row of {kind}: it has no {missing[0]}")
    return {name: row.get(name) for name in column_names(kind)}


def _sealed_manifest(path: Path) -> dict[str, Any]:
    beside = manifest_path(path)
    try:
        data = beside.read_bytes()
        path.stat()
    except FileNotFoundError as error:
        raise ArtifactError(_missing(path, str(error.filename))) from None
    except OSError as error:
        raise ArtifactError(f"{error.filename}: cannot be read: {error.strerror}") from None
    return _unsealed(data, beside)


def _unsealed(data: bytes, beside: Path) -> dict[str, Any]:
    """The manifest in the bytes of a manifest file, its own hash verified and taken off."""
    manifest = manifests.parse(data, beside)
    seal = manifest.pop("manifest_sha256", None)
    if seal != hashlib.sha256(manifests.to_bytes(manifest)).hexdigest():
        made = beside.name.removesuffix(_ENDING)
        raise ArtifactError(f"{beside}: damaged or edited; make {made} again")
    return manifest


def _missing(path: Path, missing: str) -> str:
    if not path.exists():
        return f"{path}: there is no such file"
    if path.name.endswith(".journal.jsonl"):
        return f"{path}: the journal of an unfinished run; run the same pbench decode again to finish it"
    return (
        f"{path}: has no manifest beside it ({Path(missing).name}), so it is no finished artifact of pbench"
    )


def _without_seals(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key not in _SEALS}
