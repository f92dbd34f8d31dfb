"""Score files among what the user named: files, and folders searched recursively.

Each file is opened once: what it is, what its manifest says and its columns come together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pbench.errors import ArtifactError
from pbench.report.files import ScoreFile, foreign, read_score_files
from pbench.report.sources import source_remarks

__all__ = ["Found", "find_scores"]

_ENDINGS = (".parquet", ".jsonl")
_JOURNAL = ".journal.jsonl"


class Found(NamedTuple):
    """Score files in a stable order, and what else is there that the reader should know of."""

    files: tuple[ScoreFile, ...]
    notes: tuple[str, ...]


def find_scores(inputs: Sequence[Path]) -> Found:
    """Score files named in `inputs` or lying in the folders named there, read.

    Raises ArtifactError for a path that is missing, a file that holds no scores (with the command
    that makes them), a corrupt file, and if there is nothing to report.
    """
    listed = [entry for path in inputs for entry in _listed(path)]
    journals = [entry.path for entry in listed if entry.is_journal]
    artifacts = [entry for entry in listed if not entry.is_journal]
    scores: dict[str, ScoreFile] = {}
    generations: list[Path] = []
    folders: dict[str, str] = {}
    found = read_score_files(entry.path for entry in artifacts)
    for entry, one in zip(artifacts, found, strict=True):
        if isinstance(one, ScoreFile):
            scores.setdefault(_real(entry.path, folders), one)
        elif entry.named:
            raise _no_scores(entry.path, one)
        elif one == "generations":
            generations.append(entry.path)
    if not scores:
        raise _nothing(inputs, generations)
    files = tuple(scores.values())
    return Found(files, (*source_remarks(files, generations), *_unfinished(journals)))


class _Entry(NamedTuple):
    """A file to look at; one that the user named must hold scores."""

    path: Path
    named: bool

    @property
    def is_journal(self) -> bool:
        return not self.named and self.path.name.endswith(_JOURNAL)


def _listed(path: Path) -> Iterator[_Entry]:
    """A file that the user named, or those in a folder that may be artifacts."""
    if not path.exists():
        raise ArtifactError(f"{path}: no such file or folder; `pbench decode` and `pbench score` make one")
    if path.is_dir():
        yield from (_Entry(file, False) for file in _candidates(path))
    else:
        yield _Entry(path, True)


def _real(path: Path, folders: dict[str, str]) -> str:
    """`path` without symbolic links; `folders` keeps those of folders, which many files share."""
    if os.path.islink(path):
        return os.path.realpath(path)
    folder, name = os.path.split(path)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return os.path.join(folders[folder], name)


def _candidates(folder: Path) -> Iterator[Path]:
    """Files in and below `folder` that may be artifacts, by name, each folder's own files first."""
    for root, folders, names in os.walk(folder, onerror=_unreadable):
        folders.sort()
        where = Path(root)
        yield from (where / name for name in sorted(names) if name.endswith(_ENDINGS))


def _unreadable(error: OSError) -> None:
    raise ArtifactError(f"{error.filename}: cannot be read: {error.strerror}") from None


def _no_scores(path: Path, kind: str | None) -> ArtifactError:
    """Why a file that the user named is no score file, and what to do."""
    beside = path.with_name(f"{path.stem}.scores{path.suffix}")
    if kind == "generations" and beside.is_file():
        return ArtifactError(f"{path}: these generations are not scores; their scores are in {beside}")
    if kind == "generations":
        return ArtifactError(f"{path}: these generations are not scores; make them: pbench score {path}")
    if kind == "samples":
        return ArtifactError(f"{path}: holds the samples of a task, no scores; name a file that score wrote")
    return foreign(path)


def _nothing(inputs: Sequence[Path], generations: list[Path]) -> ArtifactError:
    where = " ".join(map(str, inputs)) or "the list of paths"
    if generations:
        runs = f"{len(generations)} run{'' if len(generations) == 1 else 's'}"
        return ArtifactError(f"{where}: {runs}, none scored; make scores: pbench score {where}")
    return ArtifactError(f"{where}: no score files; make some: pbench decode, then pbench score RUN")


def _unfinished(journals: list[Path]) -> list[str]:
    return [
        f"{path}: this run is going on or was interrupted; the same decode resumes it" for path in journals
    ]
