"""The known values of all cells at once: their means with intervals, and their bootstrap means."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from pbench.metrics.bootstrap import resampled_means, resampled_shares
from pbench.metrics.intervals import Interval, mean_intervals, wilson
from pbench.report.cells import Cells
from pbench.report.rows import Rows

__all__ = ["CellValues", "Key", "cell_draws", "cell_means", "cell_starts", "cell_sums", "cell_values"]

Key = tuple[str, str]  # settings id and task


class CellValues(NamedTuple):
    """The headline values of a cell's decoded rows; `whole` where all of them are 0 or 1."""

    values: np.ndarray
    whole: bool


def cell_starts(cells: Cells) -> np.ndarray:
    """The first row of each cell; a cell goes up to the next one's."""
    return np.array([part.start for part in cells.slices.values()], dtype=np.int64)


def cell_sums(column: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Sums [cells] of a column [rows]."""
    return np.add.reduceat(column.astype(np.float64), starts)


def cell_values(cells: Cells) -> dict[Key, CellValues]:
    """The known values of every cell."""
    rows, starts = cells.rows, cell_starts(cells)
    unknown = rows.error | np.isnan(rows.value)
    between = ~unknown & (rows.value != 0.0) & (rows.value != 1.0)
    every, whole = cell_sums(unknown, starts) == 0, cell_sums(between, starts) == 0
    return {
        key: CellValues(_known(rows, unknown, part, all_known), is_whole)
        for (key, part), all_known, is_whole in zip(
            cells.slices.items(), every.tolist(), whole.tolist(), strict=True
        )
    }


def cell_means(found: Mapping[Key, CellValues]) -> dict[Key, Interval | None]:
    """Mean of each cell's values with its 95 % interval, as mean_interval gives it; None without values."""
    means: dict[Key, Interval | None] = dict.fromkeys(found)
    alike: dict[int, list[Key]] = {}
    for key, own in found.items():
        if own.whole and len(own.values):
            means[key] = wilson(int(own.values.sum()), len(own.values))
        elif len(own.values):
            alike.setdefault(len(own.values), []).append(key)
    for keys in alike.values():
        shares = mean_intervals(np.stack([found[key].values for key in keys]))
        means.update(zip(keys, shares, strict=True))
    return means


def cell_draws(found: dict[Key, CellValues], tasks: Collection[str]) -> dict[Key, np.ndarray]:
    """Bootstrap means [RESAMPLES] of the cells of `tasks`; [0] where a cell has no values."""
    draws: dict[Key, np.ndarray] = {}
    alike: dict[tuple[str, int], list[Key]] = {}
    for key, own in found.items():
        if key[1] not in tasks:
            continue
        if own.whole and len(own.values):
            alike.setdefault((key[1], len(own.values)), []).append(key)
        else:
            draws[key] = resampled_means(own.values, key[1]) if len(own.values) else np.zeros(0)
    for (task, _), keys in alike.items():
        shares = resampled_shares(np.stack([found[key].values for key in keys]), task)
        draws.update(zip(keys, shares, strict=True))
    return draws


def _known(rows: Rows, unknown: np.ndarray, part: slice, all_known: bool) -> np.ndarray:
    value = rows.value[part]
    return value if all_known else value[~unknown[part]]
