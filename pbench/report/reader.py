"""Many files read at once: what each one is, what its manifest says, and the numbers in its rows.

Few files are read here. Many are read in worker processes: half of the work on a small file is done
while Python's interpreter is held, so that threads would wait for each other. Of many files in one
folder, what was read is kept: see `kept`.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

from pbench.artifacts import scan, verified_seal
from pbench.errors import ArtifactError, PbenchError
from pbench.processes import cores, worker_pool
from pbench.report.kept import Entry, kept_path, load, store
from pbench.report.sheet import COLUMNS, Sheet, sheet_of

__all__ = ["Found", "read_many"]

_FILES_WORTH_A_WORKER = 800  # a worker takes as long to start as to read these
_FILES_WORTH_KEEPING = 800  # fewer are read again in a second or two
_AT_ONCE = 64  # files of one message: few rows each would cost more to hand over than to read


class Found(NamedTuple):
    """An artifact: its manifest, its rows if it holds scores, and the seal by which these are known again."""

    manifest: dict[str, Any]
    sheet: Sheet | None = None
    seal: bytes | None = None


class _Unread(NamedTuple):
    """As Found, with the number of its rows in the sheet of its part; None: it holds no scores."""

    manifest: dict[str, Any]
    rows: int | None
    seal: bytes | None


class _Part(NamedTuple):
    """What stands in some files, None for no artifact; the first error ends it.

    `sheet` holds the scores of all of them, one after another.
    """

    files: list[_Unread | ArtifactError | None]
    sheet: Sheet | None


def read_many(paths: Sequence[Path], folder: Path | None = None) -> Iterator[Found | None]:
    """The artifact in each of `paths`, in their order; None where a file is none of pbench's.

    Of many files, those are not read again that are kept in `folder`, and what is read is kept there
    once the last one was asked for. ArtifactError for a corrupt file, at its turn; PbenchError where a
    worker process is killed.
    """
    if folder is None or len(paths) < _FILES_WORTH_KEEPING:
        yield from _fresh(paths)
        return
    known = load(kept_path(folder))
    seals = [verified_seal(path) if known else None for path in paths]
    entries = [None if seal is None else known.get(seal) for seal in seals]
    fresh = _fresh([path for path, entry in zip(paths, entries, strict=True) if entry is None])
    keep = []
    for entry in entries:
        found = next(fresh) if entry is None else Found(entry.manifest, entry.sheet, entry.seal)
        if found is not None and found.sheet is not None and found.seal is not None:
            keep.append(Entry(found.seal, found.manifest, found.sheet))
        yield found
    if any(entry.seal not in known for entry in keep):
        store(kept_path(folder), keep)


def _fresh(paths: Sequence[Path]) -> Iterator[Found | None]:
    """The same, read from the files themselves."""
    parts = [paths[start : start + _AT_ONCE] for start in range(0, len(paths), _AT_ONCE)]
    workers = min(cores(), len(paths) // _FILES_WORTH_A_WORKER)
    if workers < 2:
        for part in parts:
            yield from _each(_read(part))
        return
    try:
        with worker_pool(workers) as pool:
            for found in pool.map(_read_apart, parts):
                yield from _each(found)
    except BrokenProcessPool:
        raise PbenchError("a process that read score files was killed; run the report again") from None


def _each(part: _Part) -> Iterator[Found | None]:
    start = 0
    for one in part.files:
        if isinstance(one, ArtifactError):
            raise one
        if one is None or one.rows is None or part.sheet is None:
            yield one and Found(one.manifest)
            continue
        yield Found(one.manifest, part.sheet.part(start, start + one.rows), one.seal)
        start += one.rows


def _read_apart(paths: Sequence[Path]) -> _Part:
    """In a worker process, whose imports stay: the garbage collector need not look at them again."""
    if not gc.get_freeze_count():
        gc.freeze()
    return _read(paths)


def _read(paths: Sequence[Path]) -> _Part:
    files: list[_Unread | ArtifactError | None] = []
    tables = []
    for path in paths:
        try:
            found = scan(path, "scores", COLUMNS)
        except ArtifactError as error:
            files.append(error)
            break
        if found is None or found.columns is None:
            files.append(found and _Unread(found.manifest, None, None))
            continue
        files.append(_Unread(found.manifest, found.columns.num_rows, found.seal))
        tables.append(found.columns)
    return _Part(files, _sheet(tables) if tables else None)


def _sheet(tables: Sequence[Any]) -> Sheet:
    import pyarrow as pa

    return sheet_of(pa.concat_tables(tables))
