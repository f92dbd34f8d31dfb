"""PBx: the largest tokens per step at which the mean over all tasks of a suite is at least x percent.

`measured` takes measured points; `interpolated` also what lies on straight lines between
neighbouring points, for adaptive samplers. A point that lacks a task takes no part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pbench.report.points import Point, SuiteTasks
from pbench.report.series import Series

__all__ = ["THRESHOLDS", "Excluded", "Pbx", "interpolated_speed", "measured_speed", "pbx"]

THRESHOLDS = (90, 80, 75, 70, 60)
_NO_SPEED = "its tokens per step are unknown"
_SLACK = 1e-12  # a mean of task means that is x on paper may come out one rounding below it
Bounds = tuple[float | None, float | None]
SpeedsAt = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


@dataclass(frozen=True, slots=True)
class Excluded:
    """A run point without PBx, and the reason."""

    setting: str
    why: str


@dataclass(frozen=True, slots=True)
class Pbx:
    """PBx of one series, by threshold in percent; None = never reached, or not to be had (`why`).

    `measured_ci95` and `interpolated_ci95` are bootstrap intervals: the speeds stand, the scores
    are resampled, the same samples at all points; a bound is None where so many resamples never
    reach x.
    """

    series: Series
    measured: dict[int, float | None]
    measured_ci95: dict[int, Bounds | None]
    interpolated: dict[int, float | None]
    interpolated_ci95: dict[int, Bounds | None]
    excluded: tuple[Excluded, ...]
    why: str | None


def pbx(series: Series, suite: SuiteTasks) -> Pbx:
    """PBx of a series over the tasks of `suite`."""
    usable = [point for point in series.points if point.complete and _curve([point])]
    curve = _curve(usable)
    excluded = tuple(
        Excluded(point.settings.setting, point.why_incomplete or _NO_SPEED)
        for point in series.points
        if point not in usable
    )
    measured = {x: measured_speed(curve, x / 100) for x in THRESHOLDS}
    between = {x: interpolated_speed(curve, x / 100) if series.adaptive else None for x in THRESHOLDS}
    return Pbx(
        series=series,
        measured=measured,
        measured_ci95=_intervals(usable, measured, _measured_speeds),
        interpolated=between,
        interpolated_ci95=_intervals(usable, between, _interpolated_speeds),
        excluded=excluded,
        why=_why(suite, usable, measured, excluded),
    )


def measured_speed(curve: Sequence[tuple[float, float]], level: float) -> float | None:
    """Largest speed of the pairs (speed, score) whose score is at least `level`; None if none is."""
    return _single(_measured_speeds, curve, level)


def interpolated_speed(curve: Sequence[tuple[float, float]], level: float) -> float | None:
    """Largest speed at which the line through the pairs, ordered by speed, is at least `level`.

    Of pairs with equal speed the best counts. The line does not go on beyond the last pair.
    """
    return _single(_interpolated_speeds, curve, level)


def _single(speeds_at: SpeedsAt, curve: Sequence[tuple[float, float]], level: float) -> float | None:
    if not curve:
        return None
    speeds, scores = np.array(curve, dtype=np.float64).T
    found = float(speeds_at(speeds, scores[:, None], level)[0])
    return None if np.isnan(found) else found


def _measured_speeds(speeds: np.ndarray, scores: np.ndarray, level: float) -> np.ndarray:
    """measured_speed of each column of scores [points, columns] at speeds [points]; NaN = never."""
    reached = np.where(scores >= level - _SLACK, speeds[:, None], -np.inf).max(axis=0)
    return np.where(np.isneginf(reached), np.nan, reached)


def _interpolated_speeds(speeds: np.ndarray, scores: np.ndarray, level: float) -> np.ndarray:
    """interpolated_speed of each column of scores [points, columns] at speeds [points]; NaN = never."""
    order = np.argsort(speeds, kind="stable")
    line, first = np.unique(speeds[order], return_index=True)
    best = np.maximum.reduceat(scores[order], first, axis=0)
    reached = best >= level - _SLACK
    last = len(line) - 1 - reached[::-1].argmax(axis=0)
    after = np.minimum(last + 1, len(line) - 1)
    column = np.arange(best.shape[1])
    here, beyond = best[last, column], best[after, column]
    fall = np.where(after > last, here - beyond, 1.0)  # > 0: beyond is the first that stays below
    part = np.maximum(here - level, 0.0) / fall
    return np.where(reached.any(axis=0), line[last] + part * (line[after] - line[last]), np.nan)


def _curve(points: Sequence[Point]) -> list[tuple[float, float]]:
    """(speed, score) of the points that have both."""
    return [
        (point.overall.tokens_per_step, point.overall.score)
        for point in points
        if point.overall and point.overall.tokens_per_step is not None and point.overall.score is not None
    ]


def _intervals(
    points: Sequence[Point], found: dict[int, float | None], speeds_at: SpeedsAt
) -> dict[int, Bounds | None]:
    """95 % bootstrap intervals of the values of `found`, which `speeds_at` gives; None beside a None."""
    if all(speed is None for speed in found.values()):
        return dict.fromkeys(found)
    speeds = np.array([speed for speed, _ in _curve(points)])
    scores = np.stack([point.resamples for point in points])
    if not scores.shape[1]:
        return dict.fromkeys(found)  # published means: their samples are not known
    return {
        x: None if speed is None else _bounds(speeds_at(speeds, scores, x / 100))
        for x, speed in found.items()
    }


def _bounds(speeds: np.ndarray) -> Bounds:
    """The 95 % interval of speeds, of which NaN (never reached) is the smallest."""
    low, high = np.quantile(np.nan_to_num(speeds), (0.025, 0.975), method="inverted_cdf")
    return float(low) or None, float(high) or None


def _why(
    suite: SuiteTasks,
    usable: Sequence[Point],
    measured: dict[int, float | None],
    excluded: Sequence[Excluded],
) -> str | None:
    """Why some measured value is None; None if none is."""
    if not usable:
        if any(one.why == _NO_SPEED for one in excluded):
            return _NO_SPEED
        first = excluded[0]
        return f"no run point has all of suite {suite.name}; {first.setting}: {first.why}"
    never = [str(x) for x in THRESHOLDS if measured[x] is None]
    if not never:
        return None
    score, setting = max((point.overall.score or 0.0, _where(point)) for point in usable if point.overall)
    return f"{', '.join(never)} never reached (best mean {100 * score:.1f} at {setting})"


def _where(point: Point) -> str:
    """The setting, or the speed of a point whose setting is not known."""
    speed = point.overall.tokens_per_step if point.overall else None
    unknown = point.settings.setting == "-" and speed is not None
    return f"{speed:.2f} tokens per step" if unknown else point.settings.setting
