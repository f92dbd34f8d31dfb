"""Score files among what the user named: files, and folders searched recursively."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pbench.artifacts import kind_of, read_manifest
from pbench.errors import ArtifactError

__all__ = ["Found", "find_scores"]

_ENDINGS = (".parquet", ".jsonl")
_JOURNAL = ".journal.jsonl"


class Found(NamedTuple):
    """Score files in a stable order, and what else is there that the reader should know of."""

    scores: tuple[Path, ...]
    notes: tuple[str, ...]


def find_scores(inputs: Sequence[Path]) -> Found:
    """Score files named in `inputs` or lying in the folders named there.

    Raises ArtifactError for a path that is missing, a file that holds no scores (with the command
    that makes them), a corrupt file, and if there is nothing to report.
    """
    scores: dict[Path, Path] = {}
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
        for file in _candidates(path):
            if file.name.endswith(_JOURNAL):
                journals.append(file)
                continue
            kind = kind_of(file)
            if kind == "scores":
                scores.setdefault(file.resolve(), file)
            elif kind == "generations":
                generations.append(file)
    if not scores:
        raise _nothing(inputs, generations)
    found = tuple(scores.values())
    return Found(found, (*_unscored(found, generations), *_unfinished(journals)))


def _candidates(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if file.name.endswith(_ENDINGS) and file.is_file())


def _named(path: Path) -> Path:
    """A file that the user named must hold scores."""
    kind = kind_of(path)
    if kind == "scores":
        return path
    if kind == "generations":
        raise ArtifactError(f"{path}: these generations are not scores; make them: pbench score {path}")
    if kind == "samples":
        raise ArtifactError(f"{path}: holds the samples of a task, no scores; name a file that score wrote")
    read_manifest(path)  # says what is wrong with a corrupt or foreign file
    raise ArtifactError(f"{path}: is no score file; name one that `pbench score` wrote")


def _nothing(inputs: Sequence[Path], generations: list[Path]) -> ArtifactError:
    where = ", ".join(map(str, inputs)) or "the list of paths"
    if generations:
        return ArtifactError(
            f"{where}: {len(generations)} runs, none scored; make scores: pbench score {where}"
        )
    return ArtifactError(f"{where}: no score files; make some: pbench decode, then pbench score RUN")


def _unscored(scores: Sequence[Path], generations: list[Path]) -> list[str]:
    if not generations:
        return []
    scored = {Path(str(read_manifest(path)["generations"]["path"])).name for path in scores}
    return [f"{path} is not scored: pbench score {path}" for path in generations if path.name not in scored]


def _unfinished(journals: list[Path]) -> list[str]:
    return [
        f"{path}: this run is going on or was interrupted; the same decode resumes it" for path in journals
    ]
