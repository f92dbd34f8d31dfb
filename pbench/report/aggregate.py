"""From score files to run points: statistics of each task, means over categories and over all.

A mean over tasks counts each task once. Rows with an error are counted, never averaged as zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from pbench.report.cells import Cells
from pbench.report.means import PointMeans, point_means
from pbench.report.points import Point, Stats, SuiteTasks, TaskInfo
from pbench.report.rows import Rows
from pbench.report.values import CellValues, Key, cell_draws, cell_means, cell_starts, cell_sums, cell_values

__all__ = ["averaged_tasks", "cell_stats", "run_points", "task_infos"]


def run_points(cells: Cells, suite: SuiteTasks) -> list[Point]:
    """All run points, with means over the tasks of `suite` (over all tasks if none of them is there)."""
    infos, values = task_infos(cells, suite), cell_values(cells)
    averaged, stats = averaged_tasks(infos, suite), cell_stats(cells, values)
    points: dict[str, dict[str, Stats]] = {identity: {} for identity in cells.settings}
    for task in infos:
        for identity, own in points.items():
            if (identity, task) in stats:
                own[task] = stats[identity, task]
    means = point_means(points, cell_draws(values, averaged), averaged, infos)
    return [_point(cells, identity, own, means[identity], suite) for identity, own in points.items()]


def task_infos(cells: Cells, suite: SuiteTasks) -> dict[str, TaskInfo]:
    """The tasks that have rows: those of the suite first, in its order, then the others by name."""
    known = {
        task: info for files in cells.files.values() for file in files for task, info in file.tasks.items()
    }
    present = dict.fromkeys(task for _, task in cells.slices)
    ordered = [t for t in suite.tasks if t in present] + sorted(present)
    unknown = TaskInfo("other", "", "", "", 0)
    return {task: known.get(task, unknown) for task in ordered}


def averaged_tasks(present: Iterable[str], suite: SuiteTasks) -> tuple[str, ...]:
    """The tasks that means are over: those of the suite that are there, or all if none is."""
    found = tuple(present)
    return tuple(task for task in found if task in suite.tasks) or found


def cell_stats(cells: Cells, values: Mapping[Key, CellValues]) -> dict[Key, Stats]:
    """Statistics of every task at every point, by (settings id, task): sums over all rows at once."""
    rows, starts = cells.rows, cell_starts(cells)
    fine = ~rows.error
    found = {
        "nfe": rows.nfe,
        "tokens_per_step": _ratio(rows.gen_length, rows.nfe),
        "content_tokens_per_step": _ratio(rows.content_length, rows.nfe),
        "seconds": rows.seconds,
    }
    means = {name: _means(column, fine, starts) for name, column in found.items()}
    errors, totals = cell_sums(rows.error, starts), cell_sums(np.ones(len(fine)), starts)
    rates = _rates(rows, fine, starts)
    shares = cell_means(values).values()
    return {
        key: Stats(
            n=len(own.values),
            errors=int(failed),
            missing=int(total - failed) - len(own.values),
            score=None if share is None else share.mean,
            ci95=None if share is None else (share.low, share.high),
            nfe=nfe,
            tokens_per_step=speed,
            content_tokens_per_step=content_speed,
            seconds=seconds,
            tokens_per_second=rate,
        )
        for (key, own), share, failed, total, nfe, speed, content_speed, seconds, rate in zip(
            values.items(), shares, errors, totals, *means.values(), rates, strict=True
        )
    }


def _point(
    cells: Cells, identity: str, stats: dict[str, Stats], means: PointMeans, suite: SuiteTasks
) -> Point:
    files = cells.files[identity]
    return Point(
        settings=cells.settings[identity],
        tasks=stats,
        categories=means.categories,
        overall=means.overall,
        problems=(*_problems(stats), *(file.problem for file in files if file.problem is not None)),
        lacks=tuple(task for task in suite.tasks if task not in stats),
        files=tuple(str(file.path) for file in files),
        config_ids=tuple(sorted({file.config_id for file in files})),
        resamples=means.resamples,
    )


def _problems(stats: Mapping[str, Stats]) -> list[str]:
    found = []
    for task, own in stats.items():
        total = own.errors + own.n + own.missing
        if own.errors:
            found.append(f"{task}: {own.errors} of {total} samples failed")
        if own.missing:
            found.append(f"{task}: {own.missing} of {total} samples have no value of the headline metric")
    return found


def _ratio(positions: np.ndarray, steps: np.ndarray) -> np.ndarray:
    return np.divide(positions, steps, out=np.full(len(steps), np.nan), where=steps > 0)


def _means(column: np.ndarray, fine: np.ndarray, starts: np.ndarray) -> list[float | None]:
    """Mean of the known numbers of each cell's decoded rows; None where there are none."""
    known = fine & ~np.isnan(column)
    counts = cell_sums(known, starts)
    return _quotients(cell_sums(np.where(known, column, 0.0), starts), counts)


def _rates(rows: Rows, fine: np.ndarray, starts: np.ndarray) -> list[float | None]:
    """Answer positions a second in each cell."""
    timed = fine & ~np.isnan(rows.seconds) & ~np.isnan(rows.gen_length)
    lengths = cell_sums(np.where(timed, rows.gen_length, 0.0), starts)
    return _quotients(lengths, cell_sums(np.where(timed, rows.seconds, 0.0), starts))


def _quotients(above: np.ndarray, below: np.ndarray) -> list[float | None]:
    quotients = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return [None if np.isnan(value) else value for value in quotients.tolist()]
