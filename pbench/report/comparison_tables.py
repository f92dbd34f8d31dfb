"""Comparisons with a baseline as tables (the base column and the difference) and as JSON."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from pbench.report.build import Report
from pbench.report.comparison import Comparison, Difference, comparisons
from pbench.report.extras import Extras
from pbench.report.formats import Table
from pbench.report.points import Point
from pbench.report.series import Series
from pbench.report.tables import mean_over, short_names

__all__ = ["comparison_extras", "comparison_table"]

NONE = "–"
_MEASURES = ("tokens_per_step", "content_tokens_per_step", "nfe", "seconds", "tokens_per_second")


def comparison_extras(report: Report, base_files: Collection[str]) -> Extras:
    """A table for each run point beside the baseline's, and `comparisons` in JSON."""
    found, notes = comparisons(report, base_files)
    return Extras(
        tables=tuple(comparison_table(report, one) for one in found),
        data={"comparisons": [_data(report, one) for one in found]},
        notes=tuple(notes),
        remarks=(_method(found),) if found else (),
    )


def comparison_table(report: Report, one: Comparison) -> Table:
    """Tasks by baseline, run and difference in percentage points; below, the mean and the speeds."""
    names = short_names(report.tasks)
    rows = [(names[task], *_cells(difference)) for task, difference in one.tasks.items()]
    mean = (mean_over(len(one.tasks)), *_cells(one.overall))
    speeds = [
        row
        for name in ("tokens_per_step", "seconds")
        if (row := _measure(name, one.base, one.point)) is not None
    ]
    what = ", ".join(f"{name} {old} -> {new}" for name, (old, new) in one.differs.items())
    return Table(
        title=f"{_name(report, one.point)} against the baseline: {what}",
        columns=("task", "baseline", "run", "difference (95 %)", "lost", "won", "p"),
        rows=(*rows, mean, *speeds),
        sections=frozenset({len(rows), len(rows) + 1}),
    )


def _cells(one: Difference) -> tuple[str, ...]:
    low, high = one.ci95
    return (
        f"{100 * one.base:.1f}",
        f"{100 * one.score:.1f}",
        f"{100 * one.difference:+z.1f} ({100 * low:+z.1f} to {100 * high:+z.1f})"
        + ("" if one.paired else " *"),
        NONE if one.lost is None else str(one.lost),
        NONE if one.won is None else str(one.won),
        NONE if one.p is None else _p(one.p),
    )


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _measure(name: str, base: Point, point: Point) -> tuple[str, ...] | None:
    """A row of a mean over the tasks that both points have, with the run's as a multiple of the base."""
    pair = _both(name, base, point)
    if pair is None:
        return None
    old, new = pair
    times = f"x {new / old:.2f}" if old else NONE
    return (name.replace("_", " "), f"{old:.2f}", f"{new:.2f}", times, "", "", "")


def _both(name: str, base: Point, point: Point) -> tuple[float, float] | None:
    """Means over the tasks that both points have; None where one does not know it of each."""
    common = [task for task in base.tasks if task in point.tasks]
    old = [getattr(base.tasks[task], name) for task in common]
    new = [getattr(point.tasks[task], name) for task in common]
    if not common or None in (*old, *new):
        return None
    return sum(old) / len(old), sum(new) / len(new)


def _method(found: list[Comparison]) -> str:
    unlike = any(not one.paired for own in found for one in own.tasks.values())
    return (
        "Comparisons: differences over the samples that both answered; intervals: Newcombe's for right or "
        "wrong, bootstrap of the pairs for other values and for means over tasks; lost and won: right in the "
        "baseline alone, in the run alone; p: exact McNemar test, not corrected for the number of tests."
        + (" *: other samples of a like task, means compared." if unlike else "")
    )


def _places(report: Report) -> dict[str, tuple[Series, int]]:
    pairs = [(series, point) for series in report.series for point in series.points]
    return {point.settings.id: (series, number) for number, (series, point) in enumerate(pairs)}


def _name(report: Report, point: Point) -> str:
    series, _ = _places(report)[point.settings.id]
    return f"{series.name} · {point.settings.setting}"


def _data(report: Report, one: Comparison) -> dict[str, Any]:
    """`point` and `baseline` are places in the report's list of points."""
    places = _places(report)
    speeds = {name: _both(name, one.base, one.point) for name in _MEASURES}
    return {
        "point": places[one.point.settings.id][1],
        "baseline": places[one.base.settings.id][1],
        "model": places[one.point.settings.id][0].model,
        "sampler": one.point.settings.sampler,
        "setting": one.point.settings.setting,
        "differs": {name: {"baseline": old, "run": new} for name, (old, new) in one.differs.items()},
        "tasks": {task: asdict(difference) for task, difference in one.tasks.items()},
        "overall": asdict(one.overall),
        "speeds": {
            name: None if pair is None else {"baseline": pair[0], "run": pair[1]}
            for name, pair in speeds.items()
        },
    }
