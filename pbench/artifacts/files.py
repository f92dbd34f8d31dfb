"""Files that appear whole or not at all, and their hashes."""

from __future__ import annotations

import glob
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pbench.artifacts.text import valid_text
from pbench.errors import ArtifactError, UsageError

__all__ = [
    "atomic_file",
    "atomic_text",
    "file_hash",
    "leftovers",
    "numbered_lines",
    "remove_leftovers",
    "sync_folder",
]


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of the bytes of `path`; ArtifactError if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from None


def atomic_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 (lone surrogates become U+FFFD), whole or not at all."""
    with atomic_file(path) as file:
        file.write(valid_text(text).encode())


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the name `path` when the block ends, and leaves no trace if it fails.

    It is written under a temporary name in the same folder (made where it is missing), synced,
    renamed, and the folder synced. A symbolic link stays one: its target is replaced. On any
    exception the temporary file goes and what stood at `path` is as it was. OSErrors name `path`;
    UsageError for a folder, a device or a pipe.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise UsageError(f"{path}: is a folder; name a file to write")
    if target.exists() and not target.is_file():  # a rename would put a file in the place of /dev/null
        raise UsageError(f"{path}: is a device or a pipe; name a file to write")
    temporary = target.parent / f"{_prefix(target)}{secrets.token_hex(6)}"
    with _naming(path, temporary):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(target.parent)


def remove_leftovers(path: Path) -> None:
    """Remove temporary files that killed writers of `path` left; only for who holds its lock."""
    for leftover in leftovers(path):
        with suppress(OSError):
            leftover.unlink()


def leftovers(path: Path) -> list[Path]:
    """Temporary files that killed writers of `path` left, and those of a writer at work."""
    target = Path(os.path.realpath(path))
    return sorted(target.parent.glob(f"{glob.escape(_prefix(target))}*"))


def sync_folder(folder: Path) -> None:
    """Make renames and removals in `folder` last; file systems without it are let be."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _prefix(target: Path) -> str:
    # A hash, because the name itself may already be as long as a name can be.
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:12]
    return f".pbench-{digest}-tmp-"


@contextmanager
def _naming(path: Path, temporary: Path) -> Iterator[None]:
    """OSErrors about the temporary file, or that do not say which file, say `path`."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary), temporary):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def numbered_lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """("FILE:LINE", line) of each line that is not blank; ArtifactError if the file cannot be read."""
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{path}:{number}", line
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from None
