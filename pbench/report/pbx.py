"""PBx: the largest tokens per step at which the mean over all tasks of a suite is at least x percent.

`measured` takes measured points; `interpolated` also what lies on straight lines between
neighbouring points, for adaptive samplers. A point that lacks a task takes no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pbench.report.points import Point, SuiteTasks
from pbench.report.series import Series

__all__ = ["THRESHOLDS", "Excluded", "Pbx", "interpolated_speed", "measured_speed", "pbx"]

THRESHOLDS = (90, 80, 75, 70, 60)
_SLACK = 1e-12  # a mean of task means that is x on paper may come out one rounding below it
Bounds = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Excluded:
    """A run point without PBx, and the reason."""

    setting: str
    why: str


@dataclass(frozen=True, slots=True)
class Pbx:
    """PBx of one series, by threshold in percent; None = never reached, or not to be had (`why`).

    `measured_ci95` are bootstrap intervals of the measured values: the speeds stand, the scores
    are resampled; a bound is None where so many resamples never reach x.
    """

    series: Series
    measured: dict[int, float | None]
    measured_ci95: dict[int, Bounds | None]
    interpolated: dict[int, float | None]
    excluded: tuple[Excluded, ...]
    why: str | None


def pbx(series: Series, suite: SuiteTasks) -> Pbx:
    """PBx of a series over the tasks of `suite`."""
    usable = [point for point in series.points if point.complete and _curve([point])]
    curve = _curve(usable)
    excluded = tuple(
        Excluded(point.settings.setting, point.why_incomplete or "its tokens per step are unknown")
        for point in series.points
        if point not in usable
    )
    measured = {x: measured_speed(curve, x / 100) for x in THRESHOLDS}
    return Pbx(
        series=series,
        measured=measured,
        measured_ci95={x: _bounds(usable, x / 100) if measured[x] is not None else None for x in THRESHOLDS},
        interpolated={x: interpolated_speed(curve, x / 100) if series.adaptive else None for x in THRESHOLDS},
        excluded=excluded,
        why=_why(suite, usable, measured, excluded),
    )


def measured_speed(curve: Sequence[tuple[float, float]], level: float) -> float | None:
    """Largest speed of the pairs (speed, score) whose score is at least `level`; None if none is."""
    return max((speed for speed, score in curve if score >= level - _SLACK), default=None)


def interpolated_speed(curve: Sequence[tuple[float, float]], level: float) -> float | None:
    """Largest speed at which the line through the pairs, ordered by speed, is at least `level`.

    Of pairs with equal speed the best counts. The line does not go on beyond the last pair.
    """
    best: dict[float, float] = {}
    for speed, score in curve:
        best[speed] = max(score, best.get(speed, score))
    line = sorted(best.items())
    reached = [i for i, (_, score) in enumerate(line) if score >= level - _SLACK]
    if not reached:
        return None
    speed, score = line[reached[-1]]
    if reached[-1] == len(line) - 1:
        return speed
    next_speed, next_score = line[reached[-1] + 1]
    return speed + max(score - level, 0.0) / (score - next_score) * (next_speed - speed)


def _curve(points: Sequence[Point]) -> list[tuple[float, float]]:
    """(speed, score) of the points that have both."""
    return [
        (point.overall.tokens_per_step, point.overall.score)
        for point in points
        if point.overall and point.overall.tokens_per_step is not None and point.overall.score is not None
    ]


def _bounds(points: Sequence[Point], level: float) -> Bounds:
    speeds = np.array([speed for speed, _ in _curve(points)])
    scores = np.stack([point.resamples for point in points])
    reached = np.where(scores >= level - _SLACK, speeds[:, None], 0.0).max(axis=0)
    low, high = np.quantile(reached, (0.025, 0.975), method="inverted_cdf")
    return float(low) or None, float(high) or None


def _why(
    suite: SuiteTasks,
    usable: Sequence[Point],
    measured: dict[int, float | None],
    excluded: Sequence[Excluded],
) -> str | None:
    """Why some measured value is None; None if none is."""
    if not usable:
        first = excluded[0]
        return f"no run point has all of suite {suite.name}; {first.setting}: {first.why}"
    never = [str(x) for x in THRESHOLDS if measured[x] is None]
    if not never:
        return None
    score, setting = max(
        (point.overall.score or 0.0, point.settings.setting) for point in usable if point.overall
    )
    return f"{', '.join(never)} never reached (best mean {100 * score:.1f} at {setting})"
