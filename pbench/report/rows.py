"""The scored samples of many files as one set of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from pbench.artifacts.sheet import STATUSES, joined
from pbench.report.files import ScoreFile

__all__ = ["STATUSES", "Headline", "Rows", "read_rows"]

Headline = Literal["default", "combined"]


@dataclass(frozen=True)
class Rows:
    """Columns of equal length N, a row a sample; as in Sheet, with one `value`.

    `file` and `task` are codes into the files read and into `tasks`.
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
_SAME = ("index", "error", "status", "nfe", "gen_length", "content_length", "seconds")


def read_rows(files: Sequence[ScoreFile], headline: Headline) -> Rows:
    """The rows of `files`, in their order.

    `combined` takes the value `score` of every task instead of its own headline.
    """
    sheets = [file.sheet for file in files]
    all_rows = joined(sheets)
    return Rows(
        file=np.repeat(np.arange(len(files)), [len(sheet.task) for sheet in sheets]),
        task=all_rows.task,
        value=all_rows.combined if headline == "combined" else all_rows.value,
        tasks=all_rows.tasks,
        **{name: getattr(all_rows, name) for name in _SAME},
    )
