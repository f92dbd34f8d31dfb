"""Score files among what the user named: files, and folders searched recursively.

Each file is opened once: what it is, what its manifest says and its columns come together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from pbench.errors import ArtifactError
from pbench.report.files import ScoreFile, read_score_file, scan_score_file

__all__ = ["Found", "find_scores"]

_ENDINGS = (".parquet", ".jsonl")
_JOURNAL = ".journal.jsonl"
_MOST_THREADS = 8
_AT_ONCE = 32  # files that a thread takes at a time: each hand-over costs time, too


class Found(NamedTuple):
    """Score files in a stable order, and what else is there that the reader should know of."""

    files: tuple[ScoreFile, ...]
    notes: tuple[str, ...]


def find_scores(inputs: Sequence[Path]) -> Found:
    """Score files named in `inputs` or lying in the folders named there, read.

    Raises ArtifactError for a path that is missing, a file that holds no scores (with the command
    that makes them), a corrupt file, and if there is nothing to report.
    """
    scores: dict[Path, ScoreFile] = {}
    generations: list[Path] = []
    journals: list[Path] = []
    for path in inputs:
        if not path.exists():
            raise ArtifactError(
                f"{path}: no such file or folder; `pbench decode` and `pbench score` make one"
            )
        if not path.is_dir():
            scores.setdefault(path.resolve(), _named(path))
            continue
        candidates = list(_candidates(path))
        journals += [file for file in candidates if file.name.endswith(_JOURNAL)]
        artifacts = [file for file in candidates if not file.name.endswith(_JOURNAL)]
        for file, found in zip(artifacts, _scanned(artifacts), strict=True):
            if isinstance(found, ScoreFile):
                scores.setdefault(file.resolve(), found)
            elif found == "generations":
                generations.append(file)
    if not scores:
        raise _nothing(inputs, generations)
    files = tuple(scores.values())
    return Found(files, (*_unscored(files, generations), *_unfinished(journals)))


def _candidates(folder: Path) -> Iterator[Path]:
    """Files in and below `folder` that may be artifacts, by name, each folder's own files first."""
    for root, folders, names in os.walk(folder, onerror=_unreadable):
        folders.sort()
        where = Path(root)
        yield from (where / name for name in sorted(names) if name.endswith(_ENDINGS))


def _unreadable(error: OSError) -> None:
    raise ArtifactError(f"{error.filename}: cannot be read: {error.strerror}") from None


def _scanned(files: Sequence[Path]) -> list[ScoreFile | str | None]:
    """What each file is; the first corrupt one, in the order of `files`, is raised."""
    parts = [files[start : start + _AT_ONCE] for start in range(0, len(files), _AT_ONCE)]
    threads = min(_MOST_THREADS, os.cpu_count() or 1, len(parts) or 1)
    with ThreadPoolExecutor(threads) as pool:
        try:
            return [one for part in pool.map(_scan_part, parts) for one in part]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _scan_part(files: Sequence[Path]) -> list[ScoreFile | str | None]:
    return [scan_score_file(file) for file in files]


def _named(path: Path) -> ScoreFile:
    """A file that the user named must hold scores."""
    found = scan_score_file(path)
    if found == "generations":
        raise ArtifactError(f"{path}: these generations are not scores; make them: pbench score {path}")
    if found == "samples":
        raise ArtifactError(f"{path}: holds the samples of a task, no scores; name a file that score wrote")
    return found if isinstance(found, ScoreFile) else read_score_file(path)


def _nothing(inputs: Sequence[Path], generations: list[Path]) -> ArtifactError:
    where = ", ".join(map(str, inputs)) or "the list of paths"
    if generations:
        return ArtifactError(
            f"{where}: {len(generations)} runs, none scored; make scores: pbench score {where}"
        )
    return ArtifactError(f"{where}: no score files; make some: pbench decode, then pbench score RUN")


def _unscored(files: Sequence[ScoreFile], generations: list[Path]) -> list[str]:
    scored = {Path(file.source).name for file in files}
    return [f"{path} is not scored: pbench score {path}" for path in generations if path.name not in scored]


def _unfinished(journals: list[Path]) -> list[str]:
    return [
        f"{path}: this run is going on or was interrupted; the same decode resumes it" for path in journals
    ]
