"""The oracle of a threshold sweep: the best threshold of every single sample, and what it would gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pbench.report.cells import Cells
from pbench.report.pbx import interpolated_speed
from pbench.report.points import Point
from pbench.report.rows import Rows
from pbench.report.series import Series
from pbench.report.sweeps import is_threshold

__all__ = ["Oracle", "OracleTask", "best_setting", "oracle"]


@dataclass(frozen=True, slots=True)
class OracleTask:
    """The oracle on one task: mean over the `n` samples that every threshold answered."""

    n: int
    score: float
    tokens_per_step: float


@dataclass(frozen=True, slots=True)
class Oracle:
    """Means over tasks of a threshold series' oracle.

    `adaptivity_gap` = oracle speed / largest speed of a single threshold with a mean at least as
    good (on the interpolated curve of the same samples); None with a reason in `why`.
    """

    series: Series
    tasks: dict[str, OracleTask]
    score: float
    tokens_per_step: float
    adaptivity_gap: float | None
    why: str | None


def oracle(series: Series, cells: Cells, averaged: Sequence[str]) -> Oracle | None:
    """Oracle over the `averaged` tasks that all points of the series have; None if it sweeps no threshold."""
    if not is_threshold(series.parameter) or len(series.points) < 2:
        return None
    tasks, curves = {}, []
    for task in averaged:
        grid = _grid(series.points, cells, task)
        if grid is None:
            continue
        value, steps, length = grid
        chosen = best_setting(value, steps)
        sample = np.arange(value.shape[1])
        speed = length / steps
        tasks[task] = OracleTask(
            len(sample), float(value[chosen, sample].mean()), float(speed[chosen, sample].mean())
        )
        curves.append(np.stack([speed.mean(axis=1), value.mean(axis=1)], axis=1))
    if not tasks:
        return None
    score = float(np.mean([task.score for task in tasks.values()]))
    speed_all = float(np.mean([task.tokens_per_step for task in tasks.values()]))
    single = [(float(speed), float(value)) for speed, value in np.mean(curves, axis=0)]
    reached = interpolated_speed(single, score)
    why = None if reached else "no single threshold has a mean as good as the oracle's"
    return Oracle(series, tasks, score, speed_all, reached and speed_all / reached, why)


def best_setting(value: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Index [samples] of the setting with the fewest steps among those with the sample's best value.

    `value` and `steps` are [settings, samples]; of equal ones the first counts.
    """
    return np.where(value == value.max(axis=0), steps, np.inf).argmin(axis=0)


def _grid(
    points: Sequence[Point], cells: Cells, task: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Value, steps [settings, samples] and length [samples] on the samples that all points answered."""
    keys = [(point.settings.id, task) for point in points]
    if any(key not in cells.slices for key in keys):
        return None
    parts = [_answered(cells.rows.take(cells.slices[key])) for key in keys]
    common = parts[0].index
    for part in parts[1:]:
        common = np.intersect1d(common, part.index, assume_unique=True)
    if not len(common):
        return None
    parts = [part.take(np.searchsorted(part.index, common)) for part in parts]
    return (
        np.stack([part.value for part in parts]),
        np.stack([part.nfe for part in parts]),
        parts[0].gen_length,
    )


def _answered(rows: Rows) -> Rows:
    return rows.take(~rows.error & ~np.isnan(rows.value) & (rows.nfe > 0))
