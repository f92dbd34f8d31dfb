"""The numbers of scored samples as columns: all that a report reads of the rows, never the texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["COLUMNS", "PER_ROW", "STATUSES", "Sheet", "joined", "sheet_of"]

COLUMNS = (
    "task", "index", "status", "nfe", "gen_length", "content_length", "seconds", "headline", "scores",
)  # fmt: skip

STATUSES = ("ok", "refusal", "empty", "truncated", "error")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns of equal length N, a row a sample, of one file or of several.

    `task` holds codes into `tasks`, in the order of their first rows. `value` is the headline and
    `combined` the value named `score`, both in 0..1 and NaN where there is none, as are numbers that
    are unknown; `status` is a place in STATUSES, their number for any other word. What a column means
    is part of the form of score files: see `sheet_block`.
    """

    task: np.ndarray
    index: np.ndarray
    status: np.ndarray
    value: np.ndarray
    combined: np.ndarray
    nfe: np.ndarray
    gen_length: np.ndarray
    content_length: np.ndarray
    seconds: np.ndarray
    tasks: tuple[str, ...]

    @property
    def error(self) -> np.ndarray:
        """Mask [N] of the rows that were not decoded."""
        return self.status == STATUSES.index("error")


PER_ROW = tuple(item.name for item in fields(Sheet) if item.name != "tasks")


def sheet_of(table: pa.Table) -> Sheet:
    """The rows of a table that has COLUMNS."""
    columns = {name: _flat(table[name]) for name in COLUMNS}
    task, tasks = _codes(columns["task"])
    value, combined = _values(columns["scores"], columns["headline"])
    return Sheet(
        task=task.astype(np.int64),
        index=columns["index"].to_numpy(zero_copy_only=False),
        status=_statuses(columns["status"]),
        value=value,
        combined=combined,
        nfe=_numbers(columns["nfe"]),
        gen_length=_numbers(columns["gen_length"]),
        content_length=_numbers(columns["content_length"]),
        seconds=_numbers(columns["seconds"]),
        tasks=tasks,
    )


def joined(sheets: Sequence[Sheet]) -> Sheet:
    """The rows of `sheets`, at least one, after each other."""
    codes: dict[str, int] = {}
    places: dict[tuple[str, ...], np.ndarray] = {}
    for own in dict.fromkeys(sheet.tasks for sheet in sheets):
        places[own] = np.array([codes.setdefault(name, len(codes)) for name in own], dtype=np.int64)
    task = np.concatenate([places[sheet.tasks][sheet.task] for sheet in sheets])
    task, tasks = _by_first_row(task, list(codes))
    others = [name for name in PER_ROW if name != "task"]
    columns = {name: np.concatenate([getattr(sheet, name) for sheet in sheets]) for name in others}
    return Sheet(task=task, tasks=tasks, **columns)


def _by_first_row(task: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Codes [N] into `names` as codes into those of them that have rows, in the order of their first rows."""
    first = np.full(len(names), len(task))
    first[task[::-1]] = np.arange(len(task))[::-1]  # of several, the last one stays: the first row
    order = np.argsort(first, kind="stable")
    new = np.empty_like(order)
    new[order] = np.arange(len(order))
    return new[task], tuple(names[code] for code in order.tolist() if first[code] < len(task))


def _flat(column: pa.ChunkedArray) -> pa.Array:
    """One contiguous array of a column's chunks."""
    import pyarrow as pa

    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _codes(array: pa.Array) -> tuple[np.ndarray, tuple[str, ...]]:
    encoded = array.dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False), tuple(encoded.dictionary.to_pylist())


def _numbers(array: pa.Array) -> np.ndarray:
    import pyarrow as pa

    return array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)  # beyond 2**53 rounded


def _statuses(array: pa.Array) -> np.ndarray:
    codes, words = _codes(array)
    places = [STATUSES.index(word) if word in STATUSES else len(STATUSES) for word in words]
    return np.array(places, dtype=np.int8)[codes]


def _values(scores: pa.Array, headlines: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Of each row the value [N] named by its headline, and the one named `score`; NaN if absent or null."""
    offsets = scores.offsets.to_numpy()
    first, last = (int(offsets[0]), int(offsets[-1])) if len(scores) else (0, 0)
    row = np.repeat(np.arange(len(scores)), np.diff(offsets) if len(scores) else 0)
    keys, names = _codes(scores.keys[first:last])
    numbers = _numbers(scores.items[first:last])

    def picked(wanted: np.ndarray) -> np.ndarray:
        values = np.full(len(scores), np.nan)
        hit = keys == wanted[row]
        values[row[hit]] = numbers[hit]
        return values

    codes, named = _codes(headlines)
    own = _places(named, names)[codes]
    return picked(own), picked(np.repeat(_places(("score",), names), len(scores)))


def _places(wanted: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """The place of each name among `names`; -1 if it is not there."""
    place = {name: code for code, name in enumerate(names)}
    return np.array([place.get(name, -1) for name in wanted], dtype=np.int64)
