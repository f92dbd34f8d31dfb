"""The order of unmasking as tables (means over tasks, by setting) and as JSON with heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pbench.report.build import Report
from pbench.report.decoding_order import MEASURES, Heat, OrderRow, order_of
from pbench.report.extras import Extras
from pbench.report.formats import Table
from pbench.report.series import Series

__all__ = ["order_extras"]

NONE = "–"


def order_extras(report: Report) -> Extras:
    """A table a series and `order` in JSON; a note for generations that are gone."""
    rows, heats, notes = order_of(report)
    by_point: dict[str, list[OrderRow]] = {}
    for row in rows:
        by_point.setdefault(row.point, []).append(row)
    tables = [
        _table(series, by_point)
        for series in report.series
        if any(point.settings.id in by_point for point in series.points)
    ]
    return Extras(tables=tuple(tables), data={"order": _data(report, rows, heats)}, notes=tuple(notes))


def _table(series: Series, rows: Mapping[str, Sequence[OrderRow]]) -> Table:
    return Table(
        title=f"{series.name}: order of unmasking, mean over tasks (1 = left to right)",
        columns=("measure", *(point.settings.setting for point in series.points)),
        rows=tuple(
            (words, *(_mean(rows.get(point.settings.id, ()), name) for point in series.points))
            for name, words in MEASURES.items()
        ),
    )


def _mean(rows: Sequence[OrderRow], name: str) -> str:
    """Mean over the tasks that have the number, each counted once."""
    known = [value for row in rows if (value := row.means[name]) is not None]
    return f"{sum(known) / len(known):z.2f}" if known else NONE


def _data(report: Report, rows: Sequence[OrderRow], heats: Sequence[Heat]) -> dict[str, Any]:
    """`point` is the place in the report's list of points."""
    places = {point.settings.id: number for number, point in enumerate(report.points)}
    return {
        "rows": [
            {"point": places[row.point], "task": row.task, "n": row.n, **row.means, "known": row.known}
            for row in rows
        ],
        "heat": [
            {
                "point": places[heat.point],
                "gen_length": heat.gen_length,
                "steps": heat.steps,
                "counts": heat.counts.tolist(),
            }
            for heat in heats
        ],
    }
