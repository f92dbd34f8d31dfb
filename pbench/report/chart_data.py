"""What the curves show, as rows: one a point and panel, text cleaned for the renderer.

A control character has no form in SVG, and the renderer ends the process at one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pbench.report.build import Report
from pbench.report.end_names import SIDES, End, sides
from pbench.report.formats import clean
from pbench.report.overlay import Curve, Overlay, drawn
from pbench.report.points import Point, Stats
from pbench.report.series import Series
from pbench.report.tables import short_names

__all__ = ["ChartData", "chart_data", "name_ends"]

Place = Callable[[float], float]
PUBLISHED = "published"  # instead of the setting, which was not published

_THINNEST = 0.4  # of the first curve; the next are thinner, so that equal curves do not hide each other
_NAMED_ENDS = 4  # more curves than these get no names at their ends: they would lie on each other


@dataclass(frozen=True, slots=True)
class ChartData:
    """Rows of the panel of means (none if no point averages all tasks) and of the tasks' panels.

    `panels` are the tasks' titles in order, `samplers` the real names by the cleaned ones, `runs`
    what tells curves of one sampler apart.
    """

    mean_title: str
    means: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    panels: list[str]
    samplers: dict[str, str]
    runs: list[str]
    models: list[str]


def name_ends(rows: list[dict[str, Any]], x: Place, y: Place, width: float) -> None:
    """Write the setting of each curve's ends into its row, under the side where it is to stand.

    `x` and `y` turn speed and percent into pixels of a panel `width` wide. Where there are many
    curves, no end is named; published ones never are.
    """
    curves: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        row.update(dict.fromkeys(SIDES, ""))
        curves.setdefault((row["sampler"], row["run"]), []).append(row)
    own = [curve for curve in curves.values() if curve[0]["setting"] != PUBLISHED]
    if len(own) > _NAMED_ENDS:
        return
    at_ends = [row for curve in own for row in (curve[:1] + curve[1:][-1:])]
    ends = [End(x(row["speed"]), y(row["percent"]), row["setting"]) for row in at_ends]
    lines = [[(x(row["speed"]), y(row["percent"])) for row in curve] for curve in curves.values()]
    for row, side in zip(at_ends, sides(ends, lines, width), strict=True):
        if side is not None:
            row[side] = row["setting"]


def chart_data(report: Report) -> ChartData:
    """Everything that the curves show; series without a known speed are left out."""
    shown = [series for series in report.series if any(_drawable(point.overall) for point in series.points)]
    over = drawn(report) if shown else []
    labels = _run_labels(shown, "ours" if over else "default")
    names = {task: clean(name) for task, name in short_names(report.tasks).items()}
    means: list[dict[str, Any]] = []
    tasks: list[dict[str, Any]] = []
    for rank, series in enumerate(shown):
        same = {
            "sampler": clean(series.sampler_name),
            "run": labels[series.name],
            "weight": 1 - (1 - _THINNEST) * rank / max(len(shown) - 1, 1),
        }
        means += (same | row for row in _mean_rows(report, series))
        tasks += (same | row for row in _task_rows(series, names))
    for one in over:
        run = _published_run(one, report)
        means += _published_rows(one, run, one.means)
        for task, curve in one.tasks.items():
            tasks += ({"panel": names[task]} | row for row in _published_rows(one, run, curve))
    count = len(report.averaged)
    return ChartData(
        mean_title=f"Mean of {count} task{'s' * (count > 1)}",
        means=means,
        tasks=tasks,
        panels=list(names.values()),
        samplers={clean(series.sampler_name): series.sampler_name for series in shown}
        | {clean(one.sampler): one.sampler for one in over},
        runs=list(dict.fromkeys([*labels.values(), *(_published_run(one, report) for one in over)])),
        models=list(dict.fromkeys(clean(series.model) for series in shown)),
    )


def _mean_rows(report: Report, series: Series) -> Iterator[dict[str, Any]]:
    """A row a point that averages all tasks."""
    for place, point in enumerate(series.points):
        stats = point.overall
        if stats is not None and _drawable(stats) and stats.tasks == len(report.averaged):
            yield _row(point, place, stats)


def _task_rows(series: Series, names: dict[str, str]) -> Iterator[dict[str, Any]]:
    for place, point in enumerate(series.points):
        for task, stats in point.tasks.items():
            if _drawable(stats):
                yield {"panel": names[task], **_row(point, place, stats)}


def _published_run(one: Overlay, report: Report) -> str:
    """The curve's name; the tasks of its means where they are known and not as many as ours."""
    other = "" if one.mean_tasks in (0, len(report.averaged)) else f" ({one.mean_tasks} tasks)"
    return f"{PUBLISHED}: {one.model}{other}"


def _published_rows(one: Overlay, run: str, curve: Curve) -> Iterator[dict[str, Any]]:
    """Rows without intervals, which were not published."""
    for place, (speed, score) in enumerate(curve):
        percent = 100 * score
        yield {
            "sampler": clean(one.sampler),
            "run": run,
            "setting": PUBLISHED,
            "weight": _THINNEST,
            "place": place,
            "speed": speed,
            "percent": percent,
            "low": percent,
            "high": percent,
            "n": None,
        }


def _row(point: Point, place: int, stats: Stats) -> dict[str, Any]:
    score = stats.score or 0.0
    low, high = stats.ci95 or (score, score)
    return {
        "setting": clean(point.settings.setting),
        "place": place,
        "speed": stats.tokens_per_step,
        "percent": 100 * score,
        "low": 100 * low,
        "high": 100 * high,
        "n": stats.n,
    }


def _drawable(stats: Stats | None) -> bool:
    return stats is not None and stats.score is not None and bool(stats.tokens_per_step)


def _run_labels(series: Sequence[Series], plain: str) -> dict[str, str]:
    """What tells series of one sampler apart, by series name: model, settings, or `plain` for nothing."""
    several = len({one.model for one in series}) > 1
    return {
        one.name: clean(", ".join([one.model] * several + [one.settings] * bool(one.settings))) or plain
        for one in series
    }
