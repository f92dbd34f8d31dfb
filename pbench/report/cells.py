"""Rows grouped into cells: one cell is all samples of one task at one run point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pbench.errors import UsageError
from pbench.report.files import ScoreFile
from pbench.report.points import Settings
from pbench.report.rows import Rows

__all__ = ["Cells", "group"]


@dataclass(frozen=True)
class Cells:
    """Rows sorted by (point, task, index), each sample once.

    `slices` says where the rows of (settings id, task) lie; `settings` and `files` are by settings id.
    """

    rows: Rows
    slices: Mapping[tuple[str, str], slice]
    settings: Mapping[str, Settings]
    files: Mapping[str, tuple[ScoreFile, ...]]


def group(rows: Rows, files: Sequence[ScoreFile]) -> Cells:
    """Sort the rows into cells.

    A sample that stands twice at a point counts once if both results are the same; otherwise
    UsageError names both files.
    """
    ids = [file.settings.id for file in files]
    order = {identity: code for code, identity in enumerate(dict.fromkeys(ids))}
    point = np.array([order[identity] for identity in ids], dtype=np.int64)[rows.file]
    sequence = _sequence(point, rows)
    rows, point = rows.take(sequence), point[sequence]
    again = _repeats(point, rows)
    if again.any():
        _refuse_other_results(rows, again, files)
        rows, point = rows.take(~again), point[~again]
    by_point: dict[str, list[ScoreFile]] = {identity: [] for identity in order}
    for file, identity in zip(files, ids, strict=True):
        by_point[identity].append(file)
    return Cells(
        rows=rows,
        slices=_slices(rows, point, list(order)),
        settings={file.settings.id: file.settings for file in files},
        files={identity: tuple(own) for identity, own in by_point.items()},
    )


def _sequence(point: np.ndarray, rows: Rows) -> np.ndarray:
    """Places [N] of the rows by point, task, index and file."""
    cell = point * len(rows.tasks) + rows.task
    by_cell = np.argsort(cell, kind="stable")
    ordered, index = cell[by_cell], rows.index[by_cell]
    if ((index[1:] >= index[:-1]) | (ordered[1:] > ordered[:-1])).all():
        return by_cell  # the usual case, in a fifth of the time: files hold their samples in order
    return np.lexsort((rows.file, rows.index, rows.task, point))


def _repeats(point: np.ndarray, rows: Rows) -> np.ndarray:
    """Mask [N] of rows whose sample is that of the row before."""
    same = np.zeros(len(point), dtype=bool)
    same[1:] = (np.diff(point) == 0) & (np.diff(rows.task) == 0) & (np.diff(rows.index) == 0)
    return same


def _refuse_other_results(rows: Rows, again: np.ndarray, files: Sequence[ScoreFile]) -> None:
    second = np.flatnonzero(again)
    first = second - 1
    other = np.zeros(len(second), dtype=bool)
    for name in ("error", "value", "nfe", "gen_length", "content_length"):
        column = getattr(rows, name).astype(np.float64)
        a, b = column[first], column[second]
        other |= (a != b) & ~(np.isnan(a) & np.isnan(b))
    if not other.any():
        return
    at = int(second[int(np.argmax(other))])
    a, b = files[rows.file[at - 1]], files[rows.file[at]]
    raise UsageError(
        f"sample {rows.tasks[rows.task[at]]}/{rows.index[at]} stands twice in one run point with other "
        f"results: {a.path} and {b.path}{_varying(a, b)}; report one of them, or give one run a label"
    )


def _varying(a: ScoreFile, b: ScoreFile) -> str:
    found = [
        f"{name} {a.varying[name]} and {b.varying[name]}"
        for name in a.varying
        if a.varying[name] != b.varying[name]
    ]
    return f" (they differ in {', '.join(found)})" if found else ""


def _slices(rows: Rows, point: np.ndarray, ids: Sequence[str]) -> dict[tuple[str, str], slice]:
    if not len(point):
        return {}
    changes = np.flatnonzero((np.diff(point) != 0) | (np.diff(rows.task) != 0)) + 1
    starts = [0, *changes.tolist()]
    stops = [*changes.tolist(), len(point)]
    return {
        (ids[point[start]], rows.tasks[rows.task[start]]): slice(start, stop)
        for start, stop in zip(starts, stops, strict=True)
    }
