"""Means over tasks, by category and over all: each task counts once; all intervals are drawn at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pbench.metrics.bootstrap import intervals
from pbench.report.points import Interval, Stats, TaskInfo

__all__ = ["PointMeans", "mean_stats", "point_means"]


@dataclass(frozen=True, slots=True)
class PointMeans:
    """Means of one point; `overall` is None, `resamples` [0], if none of the averaged tasks is there.

    `resamples` [RESAMPLES] are bootstrap means of the overall score; [0] if one of the tasks has no score.
    """

    categories: dict[str, Stats]
    overall: Stats | None
    resamples: np.ndarray


class _Scope(NamedTuple):
    """Tasks of a point that a mean is over: those of a category, or all (None)."""

    point: str
    category: str | None
    tasks: tuple[str, ...]


def point_means(
    points: Mapping[str, Mapping[str, Stats]],
    draws: Mapping[tuple[str, str], np.ndarray],
    averaged: Sequence[str],
    infos: Mapping[str, TaskInfo],
) -> dict[str, PointMeans]:
    """The means of each of `points` (settings id -> task -> statistics) over its `averaged` tasks.

    `draws` [RESAMPLES] are bootstrap means by point and task, [0] for a task without a score.
    """
    scopes = [scope for point, stats in points.items() for scope in _scopes(point, stats, averaged, infos)]
    drawn = [_mean_draws([draws[scope.point, task] for task in scope.tasks]) for scope in scopes]
    known = [draw for draw in drawn if len(draw)]
    bounds = iter(intervals(np.stack(known)) if known else ())
    categories: dict[str, dict[str, Stats]] = {point: {} for point in points}
    overall: dict[str, tuple[Stats, np.ndarray]] = {}
    for scope, draw in zip(scopes, drawn, strict=True):
        ci95 = next(bounds) if len(draw) else None
        mean = mean_stats([points[scope.point][task] for task in scope.tasks], ci95)
        if scope.category is None:
            overall[scope.point] = (mean, draw)
        else:
            categories[scope.point][scope.category] = mean
    nothing = (None, np.zeros(0))
    return {point: PointMeans(categories[point], *overall.get(point, nothing)) for point in points}


def mean_stats(stats: Sequence[Stats], ci95: Interval | None) -> Stats:
    """Mean over tasks, each counted once; a number that one task lacks is None in the mean.

    `ci95` is the interval of the mean score; a single task keeps its own.
    """
    if len(stats) == 1:
        return stats[0]
    return Stats(
        n=sum(task.n for task in stats),
        errors=sum(task.errors for task in stats),
        missing=sum(task.missing for task in stats),
        score=_mean_of([task.score for task in stats]),
        ci95=ci95,
        nfe=_mean_of([task.nfe for task in stats]),
        tokens_per_step=_mean_of([task.tokens_per_step for task in stats]),
        content_tokens_per_step=_mean_of([task.content_tokens_per_step for task in stats]),
        seconds=_mean_of([task.seconds for task in stats]),
        tokens_per_second=_mean_of([task.tokens_per_second for task in stats]),
        tasks=len(stats),
    )


def _scopes(
    point: str, stats: Mapping[str, Stats], averaged: Sequence[str], infos: Mapping[str, TaskInfo]
) -> list[_Scope]:
    tasks = tuple(task for task in stats if task in averaged)
    members: dict[str, tuple[str, ...]] = {}
    for task in tasks:
        category = infos[task].category
        members[category] = (*members.get(category, ()), task)
    own = [_Scope(point, category, found) for category, found in members.items()]
    return [*own, _Scope(point, None, tasks)] if tasks else []


def _mean_draws(draws: Sequence[np.ndarray]) -> np.ndarray:
    """Mean [RESAMPLES] over tasks; [0] if one of them has no score."""
    return np.stack(draws).mean(axis=0) if all(len(draw) for draw in draws) else np.zeros(0)


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None
