"""The report as one JSON object: the contract for scripts."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import orjson

from pbench.report.build import Report
from pbench.report.endings import endings
from pbench.report.oracle import Oracle
from pbench.report.pbx import Pbx
from pbench.report.points import Point, Stats
from pbench.report.published import Published
from pbench.report.series import Series

__all__ = ["SCHEMA_VERSION", "payload", "payload_text"]

SCHEMA_VERSION = 1
_STATS = tuple(item.name for item in fields(Stats))


def payload(report: Report) -> dict[str, Any]:
    """Points, PBx, oracles and tasks; scores in 0..1, PBx thresholds in percent, None = null."""
    ended = endings(report.cells)
    return {
        "schema_version": SCHEMA_VERSION,
        "suite": {"name": report.suite.name, "tasks": list(report.suite.tasks)},
        "headline": report.headline,
        "grammar_checkers": list(report.checkers),
        "points": [
            *(
                _point(report, series, point) | {"statuses": ended[point.settings.id]}
                for series in report.series
                for point in series.points
            ),
            *(_published_point(own, point) for own in report.published for point in own.points),
        ],
        "pbx": [*map(_pbx, report.pbx), *map(_published_pbx, report.published)],
        "oracle": [_oracle(row) for row in report.oracle],
        "tasks": {task: info._asdict() | _place(report, task) for task, info in report.tasks.items()},
        **report.extras.data,
        "notes": [*report.notes, *report.extras.remarks],
    }


def payload_text(report: Report) -> str:
    """The payload as indented JSON text with a final newline."""
    return orjson.dumps(payload(report), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _point(report: Report, series: Series, point: Point) -> dict[str, Any]:
    own = point.settings
    return {
        "model": series.model,
        "sampler": own.sampler,
        "params": dict(own.params),
        "parameter": own.parameter,
        "block_length": own.block_length,
        "cache": own.cache,
        "temperature": own.temperature,
        "compat": own.compat,
        "dtype": own.dtype,
        "infill": own.infill,
        "decoding": dict(own.decoding),
        "labels": dict(own.labels),
        "tasks": {task: _stats(stats) for task, stats in point.tasks.items()},
        "categories": {name: _mean(stats) for name, stats in point.categories.items()},
        "overall": None if point.overall is None else _mean(point.overall),
        "complete": point.complete,
        "problems": list(point.problems),
        "lacks": list(point.lacks),
        "on_frontier": own.id in report.frontier[series.model],
        "config_ids": list(point.config_ids),
        "files": list(point.files),
    }


def _published_point(own: Published, point: Point) -> dict[str, Any]:
    """A mean that others published, under their ids; what they do not say is null."""
    return {
        "model": own.model,
        "label": own.label,
        "sampler": own.sampler,
        "sampler_label": own.sampler_label,
        "params": {},
        "block_length": None,
        "cache": None,
        "tasks": {},
        "categories": {},
        "overall": None if point.overall is None else _mean(point.overall),
        "complete": True,
        "published": True,
    }


def _published_pbx(own: Published) -> dict[str, Any]:
    names = {
        "model": own.model,
        "label": own.label,
        "sampler": own.sampler,
        "sampler_label": own.sampler_label,
    }
    unknown = {"block_length": None, "cache": None, "temperature": None, "published": True}
    return _pbx(own.pbx) | names | unknown


def _stats(stats: Stats) -> dict[str, Any]:
    found = _mean(stats)
    del found["tasks"]
    return found


def _mean(stats: Stats) -> dict[str, Any]:
    return {name: getattr(stats, name) for name in _STATS}


def _head(series: Series) -> dict[str, Any]:
    """What names a series: the settings that all its points share."""
    own = series.points[0].settings
    return {
        "model": series.model,
        "sampler": series.sampler,
        "parameter": series.parameter,
        "block_length": None if series.parameter == "block_length" else own.block_length,
        "cache": own.cache,
        "temperature": own.temperature,
        "compat": own.compat,
        "labels": dict(own.labels),
        "settings": series.settings,
    }


def _place(report: Report, task: str) -> dict[str, Any]:
    """Parallelizability and order preference of a task; null with a reason in `why`."""
    found = {place.task: place for place in report.task_map}[task]
    return {
        "parallelizability": found.parallelizability,
        "order_preference": found.order_preference,
        "why": found.why,
    }


def _pbx(row: Pbx) -> dict[str, Any]:
    static = (
        None if row.series.adaptive else f"{row.series.sampler_name} is not adaptive: nothing to interpolate"
    )
    return {
        **_head(row.series),
        "measured": {str(x): value for x, value in row.measured.items()},
        "measured_ci95": {str(x): bounds for x, bounds in row.measured_ci95.items()},
        "interpolated": {str(x): value for x, value in row.interpolated.items()},
        "interpolated_ci95": {str(x): bounds for x, bounds in row.interpolated_ci95.items()},
        "excluded": [{"setting": one.setting, "why": one.why} for one in row.excluded],
        "why": "; ".join(reason for reason in (row.why, static) if reason) or None,
    }


def _oracle(row: Oracle) -> dict[str, Any]:
    return {
        **_head(row.series),
        "tasks": {task: asdict(one) for task, one in row.tasks.items()},
        "score": row.score,
        "tokens_per_step": row.tokens_per_step,
        "adaptivity_gap": row.adaptivity_gap,
        "why": row.why,
    }
