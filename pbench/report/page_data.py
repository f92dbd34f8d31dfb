"""What the HTML page knows of a report: leaderboard, curves, task map and failures as compact JSON.

Shorter than the report's JSON, which is the contract for scripts: this one is the page's own and
may change with it. Names are cleaned of what would not show; scores in 0..1, None = unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pbench.report.browser import visible
from pbench.report.build import Report
from pbench.report.charts import colour
from pbench.report.decoding_order import Heat
from pbench.report.findings import Findings, TaskPlace
from pbench.report.formats import Table, clean
from pbench.report.gaps import GapRow
from pbench.report.oracle import Oracle
from pbench.report.overlay import overlays, own_model
from pbench.report.page import notes
from pbench.report.pbx import THRESHOLDS, Pbx
from pbench.report.points import Point, Stats
from pbench.report.series import Series
from pbench.report.summary import findings_in_words, how_to_read_page
from pbench.report.tables import short_names

__all__ = ["page_data"]

_MOST_TABLES = 60
_LEVELS = "0123456789abcdefghijklmnopqrstuvwxyz"


def page_data(report: Report, findings: Findings) -> dict[str, Any]:
    """`tasks`, `series`, `points`, `pbx`, `oracle`, `map`, `failures`, `published`, `order`, `gaps`.

    `points[i].series` is an index into `series`; statistics are lists in the order of `stats`.
    """
    models = list(dict.fromkeys(clean(series.model) for series in report.series))
    tasks, short = list(report.tasks), short_names(report.tasks)
    where = [(number, point) for number, series in enumerate(report.series) for point in series.points]
    numbers = {point.settings.id: number for number, (_, point) in enumerate(where)}
    return {
        "title": f"Parallel decoding report: {', '.join(models)}",
        "suite": clean(report.suite.name),
        "suite_tasks": len(report.suite.tasks),
        "averaged": len(report.averaged),
        "summary": [clean(line) for line in [*findings_in_words(report), how_to_read_page(report)]],
        "notes": [clean(line) for line in notes(report)],
        "thresholds": list(THRESHOLDS),
        "stats": list(_STATS),
        "tasks": [
            {
                "id": visible(task),
                "name": clean(short[task]),
                "category": clean(info.category),
                "headline": clean(info.headline),
                "averaged": task in report.averaged,
            }
            for task, info in report.tasks.items()
        ],
        "series": [_series(series) for series in report.series],
        "points": [_point(report, tasks, number, point) for number, point in where],
        "pbx": [_pbx(row) for row in report.pbx],
        "oracle": [_oracle(row) for row in report.oracle],
        "map": [_place(place, short) for place in findings.task_map],
        "failures": _failures(tasks, [point for _, point in where], findings),
        "published": _published(report, tasks),
        "order": [_heat(numbers[heat.point], heat) for heat in findings.heats],
        "tables": _tables(report.extras.tables),
        "gaps": [_gap(numbers[row.point], tasks.index(row.task), row) for row in findings.gaps],
    }


_STATS = (
    "score",
    "low",
    "high",
    "n",
    "speed",
    "content_speed",
    "nfe",
    "seconds",
    "errors",
    "missing",
    "tasks",
)


def _stats(stats: Stats | None) -> list[float | int | None] | None:
    if stats is None:
        return None
    low, high = stats.ci95 or (None, None)
    means = (stats.tokens_per_step, stats.content_tokens_per_step, stats.nfe, stats.seconds)
    shares = [_rounded(value) for value in (stats.score, low, high)]
    return [*shares, stats.n, *map(_rounded, means), stats.errors, stats.missing, stats.tasks]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _series(series: Series) -> dict[str, Any]:
    return {
        "name": clean(series.name),
        "model": clean(series.model),
        "sampler": clean(series.sampler_name),
        "settings": clean(series.settings),
        "colour": colour(series.sampler_name),
        "adaptive": series.adaptive,
    }


def _point(report: Report, tasks: list[str], number: int, point: Point) -> dict[str, Any]:
    own = point.settings
    return {
        "id": own.id,
        "series": number,
        "setting": clean(own.setting),
        "frontier": own.id in report.frontier[report.series[number].model],
        "problem": None if point.why_incomplete is None else clean(point.why_incomplete),
        "overall": _stats(point.overall),
        "whole": point.overall is not None and point.overall.tasks == len(report.averaged),
        "categories": {clean(name): _stats(stats) for name, stats in point.categories.items()},
        "tasks": {str(tasks.index(task)): _stats(stats) for task, stats in point.tasks.items()},
    }


def _pbx(row: Pbx) -> dict[str, Any]:
    return {
        "measured": [_rounded(row.measured[x]) for x in THRESHOLDS],
        "bounds": [row.measured_ci95[x] for x in THRESHOLDS],
        "interpolated": [_rounded(row.interpolated[x]) for x in THRESHOLDS],
        "interpolated_bounds": [row.interpolated_ci95[x] for x in THRESHOLDS],
        "why": None if row.why is None else clean(row.why),
    }


def _oracle(row: Oracle) -> dict[str, Any]:
    return {
        "name": clean(row.series.name),
        "colour": colour(row.series.sampler_name),
        "score": _rounded(row.score),
        "speed": _rounded(row.tokens_per_step),
        "gap": _rounded(row.adaptivity_gap),
        "why": None if row.why is None else clean(row.why),
    }


def _place(place: TaskPlace, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": clean(names.get(place.task, place.task)),
        "parallelizability": _rounded(place.parallelizability),
        "order_preference": _rounded(place.order_preference),
        "why": None if place.why is None else clean(place.why),
    }


def _failures(tasks: list[str], points: list[Point], findings: Findings) -> dict[str, Any]:
    """Kinds in order and rows [point, task, n, counts by kind]; empty without findings."""
    numbers = {point.settings.id: number for number, point in enumerate(points)}
    return {
        "kinds": [
            {"id": kind.id, "name": clean(kind.name), "about": clean(kind.about)} for kind in findings.kinds
        ],
        "rows": [
            [
                numbers[row.point],
                tasks.index(row.task),
                row.n,
                [row.counts.get(kind.id, 0) for kind in findings.kinds],
            ]
            for row in findings.failures
        ],
    }


def _published(report: Report, tasks: list[str]) -> dict[str, Any]:
    """Published curves, [tokens per step, score] each, and the model that is shown at first."""
    found = overlays(report)
    return {
        "model": own_model(report, found) or (found[0].model if found else None),
        "curves": [
            {
                "model": one.model,
                "sampler": one.label,
                "colour": colour(one.sampler),
                "tasks_of_mean": one.mean_tasks,
                "means": one.means,
                "tasks": {str(tasks.index(task)): curve for task, curve in one.tasks.items()},
            }
            for one in found
        ],
        "pbx": [
            {
                "series": {
                    "name": f"published: {over.model} · {over.label}",
                    "colour": colour(over.sampler),
                    "adaptive": one.pbx.series.adaptive,
                },
                "pbx": _pbx(one.pbx),
            }
            for one, over in zip(report.published, found, strict=True)
        ],
    }


def _tables(tables: Sequence[Table]) -> dict[str, Any]:
    """The tables that were asked for, as they stand in the other formats; not more than a page bears."""
    shown = [
        {
            "title": clean(table.title),
            "columns": [clean(cell) for cell in table.columns],
            "rows": [[clean(cell) for cell in row] for row in table.rows],
            "sections": sorted(table.sections),
        }
        for table in tables[:_MOST_TABLES]
    ]
    return {"shown": shown, "left_out": max(len(tables) - _MOST_TABLES, 0)}


def _heat(point: int, heat: Heat) -> dict[str, Any]:
    """Rows of letters, one a cell: 0 to z for no commit to the most of any cell, by the square root."""
    most = max(int(heat.counts.max()), 1)
    levels = np.ceil(np.sqrt(heat.counts / most) * (len(_LEVELS) - 1)).astype(int)
    rows = ["".join(_LEVELS[level] for level in row) for row in levels.tolist()]
    return {"point": point, "length": heat.gen_length, "steps": heat.steps, "rows": rows}


def _gap(point: int, task: int, row: GapRow) -> list[float | int | None]:
    """[point, task, n, bits, low, high, bits of right answers, how many, of wrong ones, how many]."""
    low, high = row.ci95 or (None, None)
    bits = [_rounded(value) for value in (row.bits, low, high)]
    return [point, task, row.n, *bits, _rounded(row.right), row.n_right, _rounded(row.wrong), row.n_wrong]
