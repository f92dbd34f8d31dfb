"""The scored samples of many files as columns: read by column, never the traces or texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

import numpy as np

from pbench.report.files import COLUMNS, ScoreFile

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["STATUSES", "Headline", "Rows", "read_rows"]

STATUSES = ("ok", "refusal", "empty", "truncated", "error")

Headline = Literal["default", "combined"]


@dataclass(frozen=True)
class Rows:
    """Columns of equal length N, a row a sample.

    `file` and `task` are codes into the files read and into `tasks`; `value` is the headline in
    0..1 and NaN where there is none, as are numbers that are unknown; `status` is a place in STATUSES
    (their number for any other word), and `error` marks rows that were not decoded.
    """

    file: np.ndarray
    task: np.ndarray
    index: np.ndarray
    error: np.ndarray
    status: np.ndarray
    value: np.ndarray
    nfe: np.ndarray
    gen_length: np.ndarray
    content_length: np.ndarray
    seconds: np.ndarray
    tasks: tuple[str, ...]

    @classmethod
    def none(cls) -> Rows:
        """No rows at all."""
        return cls(**{name: np.zeros(0) for name in _PER_ROW}, tasks=())

    def take(self, selection: np.ndarray | slice) -> Rows:
        """The rows of `selection`: a mask [N], indices in any order, or a slice (no copy)."""
        return Rows(**{name: getattr(self, name)[selection] for name in _PER_ROW}, tasks=self.tasks)


_PER_ROW = tuple(item.name for item in fields(Rows) if item.name != "tasks")


def read_rows(files: Sequence[ScoreFile], headline: Headline) -> Rows:
    """The rows of `files`, in their order.

    `combined` takes the value `score` of every task instead of its own headline.
    """
    import pyarrow as pa

    parts = [file.columns for file in files]
    table = pa.concat_tables(parts)
    columns = {name: _flat(table[name]) for name in COLUMNS}
    task, tasks = _codes(columns["task"])
    return Rows(
        file=np.repeat(np.arange(len(parts)), [part.num_rows for part in parts]),
        task=task,
        index=columns["index"].to_numpy(zero_copy_only=False),
        error=_equal(columns["status"], "error"),
        status=_statuses(columns["status"]),
        value=_headline_values(columns["scores"], columns["headline"], headline),
        nfe=_numbers(columns["nfe"]),
        gen_length=_numbers(columns["gen_length"]),
        content_length=_numbers(columns["content_length"]),
        seconds=_numbers(columns["seconds"]),
        tasks=tasks,
    )


def _flat(column: pa.ChunkedArray) -> pa.Array:
    """One contiguous array of a column's chunks."""
    import pyarrow as pa

    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _codes(array: pa.Array) -> tuple[np.ndarray, tuple[str, ...]]:
    encoded = array.dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False), tuple(encoded.dictionary.to_pylist())


def _numbers(array: pa.Array) -> np.ndarray:
    import pyarrow as pa

    return array.cast(pa.float64()).to_numpy(zero_copy_only=False)


def _statuses(array: pa.Array) -> np.ndarray:
    codes, words = _codes(array)
    places = [STATUSES.index(word) if word in STATUSES else len(STATUSES) for word in words]
    return np.array(places, dtype=np.int8)[codes]


def _equal(array: pa.Array, word: str) -> np.ndarray:
    import pyarrow.compute as pc

    return pc.equal(array, word).to_numpy(zero_copy_only=False)


def _headline_values(scores: pa.Array, headlines: pa.Array, headline: Headline) -> np.ndarray:
    """Value [N] of each row's headline metric out of the map column; NaN if absent or null."""
    values = np.full(len(scores), np.nan)
    offsets = scores.offsets.to_numpy()
    first, last = (int(offsets[0]), int(offsets[-1])) if len(scores) else (0, 0)
    row = np.repeat(np.arange(len(scores)), np.diff(offsets) if len(scores) else 0)
    keys, names = _codes(scores.keys[first:last])
    hit = keys == _wanted(headlines, headline, names)[row]
    values[row[hit]] = _numbers(scores.items[first:last])[hit]
    return values


def _wanted(headlines: pa.Array, headline: Headline, names: Sequence[str]) -> np.ndarray:
    """Per row the code (in `names`) of the metric value that is wanted; -1 if no row has it."""
    position = {name: code for code, name in enumerate(names)}
    if headline == "combined":
        return np.full(len(headlines), position.get("score", -1))
    codes, wanted = _codes(headlines)
    return np.array([position.get(name, -1) for name in wanted], dtype=np.int64)[codes]
