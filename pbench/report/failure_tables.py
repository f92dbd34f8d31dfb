"""The failures of a report as tables (percent of answers by kind and setting) and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pbench.report.build import Report
from pbench.report.extras import Extras
from pbench.report.failures import failures_of
from pbench.report.findings import FailureRow, Findings
from pbench.report.formats import Table
from pbench.report.points import Point
from pbench.report.series import Series

__all__ = ["failure_extras", "failure_tables"]

NONE = "–"


def failure_extras(report: Report) -> Extras:
    """The failures of all answers: a table a series, `failures` in JSON, bars on the page."""
    findings = failures_of(report)
    return Extras(
        tables=tuple(failure_tables(report, findings)),
        data={"failures": _data(report, findings)},
        notes=findings.notes,
        findings=findings,
    )


def failure_tables(report: Report, findings: Findings) -> list[Table]:
    """Kinds by settings of each series that has answers, over all its tasks together."""
    rows = _by_point(findings)
    return [
        _table(series, rows, findings)
        for series in report.series
        if any(point.settings.id in rows for point in series.points)
    ]


def _by_point(findings: Findings) -> dict[str, list[FailureRow]]:
    rows: dict[str, list[FailureRow]] = {}
    for row in findings.failures:
        rows.setdefault(row.point, []).append(row)
    return rows


def _table(series: Series, rows: Mapping[str, Sequence[FailureRow]], findings: Findings) -> Table:
    columns = [_shares(rows.get(point.settings.id, ())) for point in series.points]
    seen = [kind for kind in findings.kinds if any(kind.id in column for column in columns)]
    body = [
        (kind.name, *(NONE if not column else f"{100 * column.get(kind.id, 0.0):.1f}" for column in columns))
        for kind in seen
    ]
    whole = ("any failure", *(NONE if not column else f"{100 * column['any']:.1f}" for column in columns))
    speeds = ("tokens per step", *(_speed(point) for point in series.points))
    return Table(
        title=f"{series.name}: how answers fail, percent of answers to all tasks",
        columns=("failure", *(point.settings.setting for point in series.points)),
        rows=(*body, whole, speeds),
        sections=frozenset({len(body), len(body) + 1}),
    )


def _shares(rows: Sequence[FailureRow]) -> dict[str, float]:
    """Share of answers by kind id, and of any failure; empty without answers."""
    answers = sum(row.n for row in rows)
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(row.counts)
    shares = {kind: count / answers for kind, count in counts.items()} if answers else {}
    return shares | ({"any": sum(shares.values())} if answers else {})


def _speed(point: Point) -> str:
    speed = None if point.overall is None else point.overall.tokens_per_step
    return NONE if speed is None else f"{speed:.2f}"


def _data(report: Report, findings: Findings) -> dict[str, Any]:
    places = {
        point.settings.id: (series, point, number)
        for number, (series, point) in enumerate(
            (series, point) for series in report.series for point in series.points
        )
    }
    return {
        "kinds": [{"id": kind.id, "name": kind.name, "about": kind.about} for kind in findings.kinds],
        "rows": [_row(row, *places[row.point]) for row in findings.failures],
        "notes": list(findings.notes),
    }


def _row(row: FailureRow, series: Series, point: Point, number: int) -> dict[str, Any]:
    """One task at one point; `point` is its place in the report's list of points."""
    return {
        "point": number,
        "model": series.model,
        "sampler": series.sampler,
        "setting": point.settings.setting,
        "task": row.task,
        "n": row.n,
        "tokens_per_step": point.tasks[row.task].tokens_per_step,
        "counts": dict(row.counts),
    }
