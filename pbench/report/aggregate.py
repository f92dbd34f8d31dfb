"""From score files to run points: statistics of each task, means over categories and over all.

A mean over tasks counts each task once. Rows with an error are counted, never averaged as zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pbench.metrics.bootstrap import interval, resampled_means
from pbench.metrics.intervals import mean_interval
from pbench.report.cells import Cells
from pbench.report.points import Point, Stats, SuiteTasks, TaskInfo
from pbench.report.rows import Rows

__all__ = ["averaged_tasks", "cell_stats", "mean_stats", "run_points", "task_infos"]


def run_points(cells: Cells, suite: SuiteTasks) -> list[Point]:
    """All run points, with means over the tasks of `suite` (over all tasks if none of them is there)."""
    infos = task_infos(cells, suite)
    averaged, stats = averaged_tasks(infos, suite), cell_stats(cells)
    own: dict[str, list[str]] = {identity: [] for identity in cells.settings}
    for identity, task in cells.slices:
        own[identity].append(task)
    return [
        _point(cells, identity, {t: stats[identity, t] for t in infos if t in tasks}, averaged, infos, suite)
        for identity, tasks in own.items()
    ]


def task_infos(cells: Cells, suite: SuiteTasks) -> dict[str, TaskInfo]:
    """The tasks that have rows: those of the suite first, in its order, then the others by name."""
    known = {
        task: info for files in cells.files.values() for file in files for task, info in file.tasks.items()
    }
    present = dict.fromkeys(task for _, task in cells.slices)
    ordered = [t for t in suite.tasks if t in present] + sorted(t for t in present if t not in suite.tasks)
    unknown = TaskInfo("other", "", "", "", 0)
    return {task: known.get(task, unknown) for task in ordered}


def averaged_tasks(present: Iterable[str], suite: SuiteTasks) -> tuple[str, ...]:
    """The tasks that means are over: those of the suite that are there, or all if none is."""
    found = tuple(present)
    return tuple(task for task in found if task in suite.tasks) or found


def cell_stats(cells: Cells) -> dict[tuple[str, str], Stats]:
    """Statistics of every task at every point, by (settings id, task): sums over all rows at once."""
    rows, keys = cells.rows, list(cells.slices)
    starts = np.array([part.start for part in cells.slices.values()])
    fine = ~rows.error
    found = {
        "nfe": rows.nfe,
        "tokens_per_step": _ratio(rows.gen_length, rows.nfe),
        "content_tokens_per_step": _ratio(rows.content_length, rows.nfe),
        "seconds": rows.seconds,
    }
    means = {name: _means(column, fine, starts) for name, column in found.items()}
    errors, totals = _sums(rows.error, starts), _sums(np.ones(len(fine)), starts)
    rates = _rates(rows, fine, starts)
    values = [_values(rows, part) for part in cells.slices.values()]
    shares = [mean_interval(own) if len(own) else None for own in values]
    return {
        key: Stats(
            n=len(own),
            errors=int(failed),
            missing=int(total - failed) - len(own),
            score=None if share is None else share.mean,
            ci95=None if share is None else (share.low, share.high),
            nfe=nfe,
            tokens_per_step=speed,
            content_tokens_per_step=content_speed,
            seconds=seconds,
            tokens_per_second=rate,
        )
        for key, own, share, failed, total, nfe, speed, content_speed, seconds, rate in zip(
            keys, values, shares, errors, totals, *means.values(), rates, strict=True
        )
    }


def mean_stats(stats: Sequence[Stats], resamples: np.ndarray) -> Stats:
    """Mean over tasks, each counted once; a number that one task lacks is None in the mean.

    `resamples` [tasks, RESAMPLES] are bootstrap means of the tasks (empty if one has no score).
    """
    if len(stats) == 1:
        return stats[0]
    scores = _mean_of([task.score for task in stats])
    return Stats(
        n=sum(task.n for task in stats),
        errors=sum(task.errors for task in stats),
        missing=sum(task.missing for task in stats),
        score=scores,
        ci95=None if scores is None else interval(resamples.mean(axis=0)),
        nfe=_mean_of([task.nfe for task in stats]),
        tokens_per_step=_mean_of([task.tokens_per_step for task in stats]),
        content_tokens_per_step=_mean_of([task.content_tokens_per_step for task in stats]),
        seconds=_mean_of([task.seconds for task in stats]),
        tokens_per_second=_mean_of([task.tokens_per_second for task in stats]),
        tasks=len(stats),
    )


def _point(
    cells: Cells,
    identity: str,
    stats: dict[str, Stats],
    averaged: Sequence[str],
    infos: Mapping[str, TaskInfo],
    suite: SuiteTasks,
) -> Point:
    draws = {task: _draws(cells, identity, task) for task in stats if task in averaged}
    members: dict[str, list[str]] = {}
    for task in draws:
        members.setdefault(infos[task].category, []).append(task)
    files = cells.files[identity]
    return Point(
        settings=cells.settings[identity],
        tasks=stats,
        categories={name: _over(own, stats, draws) for name, own in members.items()},
        overall=_over(list(draws), stats, draws) if draws else None,
        problems=(*_problems(stats), *(file.problem for file in files if file.problem is not None)),
        lacks=tuple(task for task in suite.tasks if task not in stats),
        files=tuple(str(file.path) for file in files),
        config_ids=tuple(sorted({file.config_id for file in files})),
        resamples=_stack(list(draws), draws).mean(axis=0) if draws else np.zeros(0),
    )


def _draws(cells: Cells, identity: str, task: str) -> np.ndarray:
    values = _values(cells.rows, cells.slices[identity, task])
    return resampled_means(values, task) if len(values) else np.zeros(0)


def _over(tasks: Sequence[str], stats: Mapping[str, Stats], draws: Mapping[str, np.ndarray]) -> Stats:
    return mean_stats([stats[task] for task in tasks], _stack(tasks, draws))


def _stack(tasks: Sequence[str], draws: Mapping[str, np.ndarray]) -> np.ndarray:
    """Draws [tasks, RESAMPLES]; [1, 0] if a task has none."""
    found = [draws[task] for task in tasks]
    return np.stack(found) if all(len(draw) for draw in found) else np.zeros((1, 0))


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


def _values(rows: Rows, part: slice) -> np.ndarray:
    """Known headline values of the rows of a cell that were decoded."""
    value = rows.value[part]
    known = ~(rows.error[part] | np.isnan(value))
    return value if known.all() else value[known]


def _sums(column: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Sums [cells] of a column; a cell goes from its start to the next one's."""
    return np.add.reduceat(column.astype(np.float64), starts)


def _means(column: np.ndarray, fine: np.ndarray, starts: np.ndarray) -> list[float | None]:
    """Mean of the known numbers of each cell's decoded rows; None where there are none."""
    known = fine & ~np.isnan(column)
    counts = _sums(known, starts)
    return _quotients(_sums(np.where(known, column, 0.0), starts), counts)


def _rates(rows: Rows, fine: np.ndarray, starts: np.ndarray) -> list[float | None]:
    """Answer positions a second in each cell."""
    timed = fine & ~np.isnan(rows.seconds) & ~np.isnan(rows.gen_length)
    lengths = _sums(np.where(timed, rows.gen_length, 0.0), starts)
    return _quotients(lengths, _sums(np.where(timed, rows.seconds, 0.0), starts))


def _quotients(above: np.ndarray, below: np.ndarray) -> list[float | None]:
    quotients = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return [None if np.isnan(value) else value for value in quotients.tolist()]


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None
