"""Generations among what the user named, and where their scores go."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pbench.artifacts import kind_of, read_manifest
from pbench.errors import ArtifactError

__all__ = ["default_output", "find_runs", "unfinished"]

_ENDINGS = (".parquet", ".jsonl")
_JOURNAL = ".journal.jsonl"
_STDIN = "-"


def default_output(path: Path) -> Path:
    """`<run>.parquet` -> `<run>.scores.parquet`, `<run>.jsonl` -> `<run>.scores.jsonl`, beside it."""
    suffix = path.suffix if path.suffix in _ENDINGS else ".parquet"
    return path.with_name(f"{path.name.removesuffix(path.suffix)}.scores{suffix}")


def find_runs(paths: Iterable[str | Path]) -> list[Path]:
    """Generations files: files as named, those in folders (at any depth), `-` for paths on stdin.

    Each file once, in the order named, those of a folder sorted. ArtifactError for a named file
    that is missing or no generations, for a damaged artifact, and if there is none at all.
    """
    found: dict[Path, Path] = {}
    named = list(_expand(paths))
    for path in named:
        for run in _in_folder(path) if path.is_dir() else [_named(path)]:
            found.setdefault(run.resolve(), run)
    if not found:
        where = ", ".join(str(path) for path in named) or "the list of paths"
        raise ArtifactError(f"{where}: no generations; `pbench decode` makes some")
    return list(found.values())


def unfinished(paths: Iterable[str | Path]) -> list[Path]:
    """Journals of runs that are going on or were killed: in folders named, and beside files named."""
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += sorted(path.rglob(f"*{_JOURNAL}"))
        elif (beside := path.with_name(path.stem + _JOURNAL)).exists():
            found.append(beside)
    return list(dict.fromkeys(found))


def _expand(paths: Iterable[str | Path]) -> Iterator[Path]:
    for path in paths:
        if str(path) == _STDIN:
            yield from (Path(line.strip()) for line in sys.stdin or () if line.strip())
        else:
            yield Path(path)


def _in_folder(folder: Path) -> list[Path]:
    candidates = sorted(path for path in folder.rglob("*") if path.suffix in _ENDINGS)
    return [path for path in candidates if path.is_file() and kind_of(path) == "generations"]


def _named(path: Path) -> Path:
    """A file that the user named must hold generations."""
    if not os.path.lexists(path):
        raise ArtifactError(f"{path}: there is no such file or folder; `pbench decode` makes one")
    kind = read_manifest(path)["kind"]
    if kind != "generations":
        raise ArtifactError(f"{path}: holds {kind}, not generations; name a file that `pbench decode` wrote")
    return path
