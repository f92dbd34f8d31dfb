"""The generations behind score files: where they lie, which are not scored, which changed since."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pbench.artifacts import file_hash
from pbench.report.files import ScoreFile

__all__ = ["Source", "source_of", "source_remarks"]


class Source(NamedTuple):
    """A generations file that is there, and what the file system says of it."""

    path: Path
    stat: os.stat_result

    @property
    def id(self) -> tuple[int, int]:
        """Equal for all paths of one file."""
        return self.stat.st_dev, self.stat.st_ino


def source_of(scores: Path, stated: str) -> Source | None:
    """The generations that a score file states: at that path, or beside it; None if they are not there."""
    folder = os.path.dirname(scores)
    for name in dict.fromkeys((stated, os.path.basename(stated))):
        path = os.path.join(folder, name)
        try:
            found = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode):
            return Source(Path(path), found)
    return None


def source_remarks(files: Sequence[ScoreFile], generations: Sequence[Path]) -> list[str]:
    """Which of `generations` none of the score `files` was made from, and which changed since.

    Scores that were moved away from their generations count by name. A file is read only where it is
    younger than its scores.
    """
    sources = [(file, source_of(file.path, file.source)) for file in files]
    scored = {source.id for _, source in sources if source is not None}
    moved = {os.path.basename(file.source) for file, source in sources if source is None}
    missing = [path for path in generations if path.name not in moved and _id(path) not in scored]
    changed = [source.path for file, source in sources if source is not None and _changed_since(file, source)]
    return [
        *(f"{path} is not scored: pbench score {path}" for path in missing),
        *(f"{path} changed since it was scored; the scores are old: pbench score {path}" for path in changed),
    ]


def _id(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _changed_since(file: ScoreFile, source: Source) -> bool:
    younger = source.stat.st_mtime_ns > file.path.stat().st_mtime_ns
    return younger and file_hash(source.path) != file.source_hash
