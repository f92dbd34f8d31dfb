"""Comparable or refused: results of another checker, other data or another metric do not mix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pbench.errors import UsageError
from pbench.report.files import ScoreFile

__all__ = ["Difference", "differences", "kept_apart", "refuse"]


class Difference(NamedTuple):
    """Something that must be equal in all files and is not: value -> files that have it."""

    what: str
    files: dict[str, list[Path]]

    def __str__(self) -> str:
        sides = [f"{value} in {_listed(paths)}" for value, paths in self.files.items()]
        return f"{self.what}: {'; '.join(sides)}"


def differences(files: Sequence[ScoreFile]) -> list[Difference]:
    """All differences that forbid to compare the files; empty if they can be compared."""
    found: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        for what, value in _fixed(file):
            found[what][value].append(file.path)
    return [Difference(what, dict(values)) for what, values in sorted(found.items()) if len(values) > 1]


def refuse(found: Sequence[Difference]) -> None:
    """UsageError that shows the first differences, if there are any."""
    if found:
        shown = " | ".join(map(str, found[:3])) + (f" | {len(found) - 3} more" if len(found) > 3 else "")
        raise UsageError(
            f"these scores cannot be compared; {shown}. Name the files to report, or mix them with --force"
        )


def kept_apart(files: Sequence[ScoreFile], found: Sequence[Difference]) -> list[ScoreFile]:
    """The files, labelled by what they differ in: they may share a table, never a mean."""
    names = {difference.what for difference in found}
    return [
        file.labelled({what: value for what, value in _fixed(file) if what in names}) if names else file
        for file in files
    ]


def _fixed(file: ScoreFile) -> Iterator[tuple[str, str]]:
    if file.checker is not None:
        yield "grammar checker", file.checker
    if file.bertscore is not None:
        yield "BERTScore model", file.bertscore
    for task, info in file.tasks.items():
        yield f"data of {task}", info.data_hash[:12]
    for metric, version in file.metrics.items():
        yield f"version of metric {metric}", version


def _listed(paths: Sequence[Path]) -> str:
    return str(paths[0]) + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")
