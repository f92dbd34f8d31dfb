"""Many files read at once: what each one is, what its manifest says, and the numbers in its rows.

Few files are read here. Many are read in worker processes: half of the work on a small file is done
while Python's interpreter is held, so that threads would wait for each other.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

from pbench.artifacts import scan
from pbench.errors import ArtifactError, PbenchError
from pbench.processes import cores, worker_pool
from pbench.report.sheet import COLUMNS, Sheet, sheet_of

__all__ = ["Found", "read_many"]

_FILES_WORTH_A_WORKER = 800  # a worker takes as long to start as to read these
_AT_ONCE = 64  # files of one message: few rows each would cost more to hand over than to read


class Found(NamedTuple):
    """An artifact: its manifest, and its rows if it holds scores."""

    manifest: dict[str, Any]
    sheet: Sheet | None


class _Part(NamedTuple):
    """What stands in some files: of each its manifest and number of scores, None for no artifact.

    The first error ends it. `sheet` holds the scores of all of them, one after another.
    """

    files: list[tuple[dict[str, Any], int | None] | ArtifactError | None]
    sheet: Sheet | None


def read_many(paths: Sequence[Path]) -> Iterator[Found | None]:
    """The artifact in each of `paths`, in their order; None where a file is none of pbench's.

    ArtifactError for a corrupt one, at its turn; PbenchError where a worker process is killed.
    """
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
        if one is None:
            yield None
            continue
        manifest, rows = one
        sheet = None
        if rows is not None and part.sheet is not None:
            sheet = part.sheet.part(start, start + rows)
            start += rows
        yield Found(manifest, sheet)


def _read_apart(paths: Sequence[Path]) -> _Part:
    """In a worker process, whose imports stay: the garbage collector need not look at them again."""
    if not gc.get_freeze_count():
        gc.freeze()
    return _read(paths)


def _read(paths: Sequence[Path]) -> _Part:
    files: list[tuple[dict[str, Any], int | None] | ArtifactError | None] = []
    tables = []
    for path in paths:
        try:
            found = scan(path, "scores", COLUMNS)
        except ArtifactError as error:
            files.append(error)
            break
        if found is None:
            files.append(None)
            continue
        manifest, table = found
        files.append((manifest, None if table is None else table.num_rows))
        tables += [] if table is None else [table]
    return _Part(files, _sheet(tables) if tables else None)


def _sheet(tables: Sequence[Any]) -> Sheet:
    import pyarrow as pa

    return sheet_of(pa.concat_tables(tables))
