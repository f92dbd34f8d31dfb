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

__all__ = ["averaged_tasks", "mean_stats", "run_points", "task_infos", "task_stats"]


def run_points(cells: Cells, suite: SuiteTasks) -> list[Point]:
    """All run points, with means over the tasks of `suite` (over all tasks if none of them is there)."""
    infos = task_infos(cells, suite)
    averaged = averaged_tasks(infos, suite)
    own: dict[str, list[str]] = {identity: [] for identity in cells.settings}
    for identity, task in cells.slices:
        own[identity].append(task)
    return [
        _point(cells, identity, [t for t in infos if t in tasks], averaged, infos, suite)
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


def task_stats(rows: Rows) -> Stats:
    """Statistics of the rows of one task at one point."""
    fine = rows.take(~rows.error)
    values = fine.value[~np.isnan(fine.value)]
    score, low, high = mean_interval(values) if len(values) else (None, None, None)
    seconds = fine.seconds.sum()
    return Stats(
        n=len(values),
        errors=int(rows.error.sum()),
        missing=len(fine.value) - len(values),
        score=score,
        ci95=None if low is None or high is None else (float(low), float(high)),
        nfe=_mean(fine.nfe),
        tokens_per_step=_mean(_ratio(fine.gen_length, fine.nfe)),
        content_tokens_per_step=_mean(_ratio(fine.content_length, fine.nfe)),
        seconds=_mean(fine.seconds),
        tokens_per_second=float(fine.gen_length.sum() / seconds) if seconds > 0 else None,
    )


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
    tasks: Sequence[str],
    averaged: Sequence[str],
    infos: Mapping[str, TaskInfo],
    suite: SuiteTasks,
) -> Point:
    parts = {task: cells.rows.take(cells.slices[identity, task]) for task in tasks}
    stats = {task: task_stats(part) for task, part in parts.items()}
    draws = {task: _draws(parts[task], task) for task in tasks if task in averaged}
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


def _draws(rows: Rows, task: str) -> np.ndarray:
    values = rows.value[~rows.error & ~np.isnan(rows.value)]
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


def _mean(values: np.ndarray) -> float | None:
    """Mean of the known numbers; None if there are none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None
