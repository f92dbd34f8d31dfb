"""The exclusive lock of a run: held by the operating system, so a killed owner's is free at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pbench.artifacts.files import remove_leftovers
from pbench.artifacts.jsonl import finish_writing, manifest_path
from pbench.errors import LockedError

if TYPE_CHECKING:
    from filelock import FileLock

__all__ = ["lock_path", "run_lock"]

_ATTEMPTS = 100


def lock_path(path: Path) -> Path:
    """Where the lock file of the run at `path` lies (beside the target of a symbolic link)."""
    target = Path(os.path.realpath(path))
    return target.with_name(target.name + ".lock")


@contextmanager
def run_lock(path: Path) -> Iterator[None]:
    """Hold the lock of the run that writes `path`; its folder is made where it is missing.

    LockedError at once if another process (or thread) holds it; OSError where there can be no lock
    file. The lock file goes on release. What a killed writer of `path` left is finished if it can
    be (see `jsonl.finish_writing`), and removed.
    """
    from filelock import FileLock

    file = lock_path(path)
    made = not file.parent.exists()
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(file), timeout=0)
    _acquire(lock, file, path)
    try:
        with suppress(OSError):
            file.write_text(str(os.getpid()))
        if path.suffix == ".jsonl":
            finish_writing(path)
        remove_leftovers(path)
        remove_leftovers(manifest_path(path))
        yield
    finally:
        # Removed while still held: who opened the old file and gets its lock later finds out.
        with suppress(OSError):
            file.unlink()
        lock.release()
        if made:  # nothing came of it where it is empty
            with suppress(OSError):
                file.parent.rmdir()


def _acquire(lock: FileLock, file: Path, path: Path) -> None:
    """Take the lock on the file that bears its name now, not on one that was just removed."""
    from filelock import Timeout

    for _ in range(_ATTEMPTS):
        owner = _owner(file)
        try:
            lock.acquire()
        except Timeout:
            if not file.exists():  # its owner has just left, or no file can be made here
                os.close(os.open(file, os.O_RDWR | os.O_CREAT))
                continue
            by = f"process {owner}" if owner else "another process"
            raise LockedError(
                f"{path}: {by} works on this run; wait for it, or choose another --out"
            ) from None
        if _guards_its_name(file):
            return
        lock.release()
    raise LockedError(f"{path}: other processes keep taking the lock of this run; try again")


def _guards_its_name(file: Path) -> bool:
    """Whether the lock that we hold keeps others out: a second one on the same name must fail."""
    from filelock import FileLock, Timeout

    probe = FileLock(str(file), timeout=0)
    try:
        probe.acquire()
    except Timeout:
        return True
    probe.release()
    return False


def _owner(file: Path) -> str | None:
    """Process id of the holder, as it wrote it into the lock file."""
    try:
        text = file.read_text(errors="replace").strip()
    except OSError:
        return None
    return text if text.isdecimal() else None
