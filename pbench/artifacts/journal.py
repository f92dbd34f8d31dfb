"""The journal of a run: finished rows, one line each, on disk before they are called finished.

Line 1 is a header `{"pbench_journal": 1, "crc32": ..., "manifest": {...}}`, each other line
`{"crc32": ..., "row": {...}}`; the CRC is over the bytes of the manifest or row.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from zlib import crc32

import orjson

from pbench.artifacts.files import atomic_file, remove_leftovers
from pbench.artifacts.manifest import to_bytes
from pbench.artifacts.rows import from_row, to_row
from pbench.errors import ArtifactError
from pbench.records import Generation

__all__ = ["Journal", "Replay"]

VERSION = 1
_HEADER = re.compile(rb'\{"pbench_journal":(\d+),"crc32":"([0-9a-f]{8})","manifest":(.*)\}\n')
_LINE = re.compile(rb'\{"crc32":"([0-9a-f]{8})","row":(.*)\}\n')


@dataclass(frozen=True, slots=True)
class Replay:
    """What a journal holds: its header's manifest, the rows, and a warning if a torn line went."""

    journal: Journal
    manifest: dict[str, Any]
    rows: list[Generation]
    warning: str | None


class Journal:
    """An open journal; one writer at a time: the run's lock sees to that, and the run itself."""

    def __init__(self, path: Path):
        """Open an existing journal for appending, unread; see `create` and `open`."""
        self.path = path
        self._file = path.open("ab", buffering=0)

    @classmethod
    def create(cls, path: Path, manifest: Mapping[str, Any], rows: Iterable[Generation] = ()) -> Journal:
        """Start a journal with its header and rows, all at once; FileExistsError if there is one."""
        if path.exists():
            raise FileExistsError(f"{path}: there is a journal already")
        remove_leftovers(path)
        data = to_bytes(manifest)
        with atomic_file(path) as file:
            file.write(b'{"pbench_journal":%d,"crc32":"%08x","manifest":%b}\n' % (VERSION, crc32(data), data))
            file.writelines(map(_line, rows))
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Replay:
        """Replay a journal and go on with it.

        A torn last line is cut off, with a warning in the result. ArtifactError, with the line's
        number, for a broken line elsewhere; for a header that is missing, broken or newer.
        Of two rows of one sample the later one counts, but an error never replaces an answer.
        """
        try:
            with path.open("rb") as file:
                manifest = _header(file.readline(), path)
                rows, good, warning = _replay(file, path)
        except OSError as error:
            raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from None
        journal = cls(path)
        if warning is not None:
            journal._file.truncate(good)
            os.fsync(journal._file.fileno())
        return Replay(journal, manifest, rows, warning)

    def append(self, rows: Iterable[Generation]) -> None:
        """Add finished rows; when this returns, they survive a kill and a power cut.

        If it fails (disk full, interrupt), none of these rows is in the journal.
        """
        data = b"".join(map(_line, rows))
        good = self._file.seek(0, os.SEEK_END)
        try:
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except BaseException:
            with suppress(OSError):
                self._file.truncate(good)
            raise

    def close(self) -> None:
        """Close the file and leave it where it is."""
        self._file.close()

    def remove(self) -> None:
        """Close the journal and delete it: its rows are elsewhere now.

        A power cut may bring it back; then the next run of the same finds nothing new in it.
        """
        self.close()
        self.path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _line(row: Generation) -> bytes:
    data = orjson.dumps(to_row(row))
    return b'{"crc32":"%08x","row":%b}\n' % (crc32(data), data)


def _header(line: bytes, path: Path) -> dict[str, Any]:
    match = _HEADER.fullmatch(line)
    if match is None:
        raise ArtifactError(f"{path}:1: not the header of a journal; remove the file to start the run anew")
    version, check, data = match.groups()
    if int(version) > VERSION:
        raise ArtifactError(f"{path}: written by a newer pbench; update pbench, or remove it to start anew")
    if int(version) != VERSION or int(check, 16) != crc32(data):
        raise ArtifactError(f"{path}:1: the header is damaged; remove the file to start the run anew")
    return orjson.loads(data)


def _replay(file: BinaryIO, path: Path) -> tuple[list[Generation], int, str | None]:
    """Rows of the lines after the header, bytes up to the last good line, and the warning."""
    rows: dict[str, Generation] = {}
    good = file.tell()
    for number, line in enumerate(iter(file.readline, b""), 2):
        row = _row(line)
        if row is None and file.read(1) == b"":
            return (
                list(rows.values()),
                good,
                f"{path}:{number}: dropped a torn last line; its sample runs again",
            )
        if row is None:
            raise ArtifactError(
                f"{path}:{number}: a broken line in the middle of the journal (damaged or edited). "
                "Remove that line to decode its sample again, or the file to start anew"
            )
        earlier = rows.get(row.sample.sample_id)
        if earlier is None or row.status != "error" or earlier.status == "error":
            rows[row.sample.sample_id] = row
        good += len(line)
    return list(rows.values()), good, None


def _row(line: bytes) -> Generation | None:
    match = _LINE.fullmatch(line)
    if match is None or int(match[1], 16) != crc32(match[2]):
        return None
    try:
        row = from_row("generations", orjson.loads(match[2]))
    except (KeyError, TypeError, ValueError):
        return None
    assert isinstance(row, Generation)
    return row
