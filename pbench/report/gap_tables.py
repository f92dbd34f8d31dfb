"""The dependency gap as tables (bits an answer, by task and setting) and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pbench.report.build import Report
from pbench.report.extras import Extras
from pbench.report.formats import Table
from pbench.report.gaps import GapRow, gaps_of
from pbench.report.series import Series
from pbench.report.tables import short_names

__all__ = ["gap_extras"]

NONE = "–"
_REMARK = (
    "Dependency gap: log2 of the probability that the model gives to the tokens of a step one after the "
    "other, minus log2 of their marginals, summed over the steps of an answer (bits; 0 = they do not matter "
    "to each other, far below 0 = they contradict each other). Its forward passes are not in NFE."
)


def gap_extras(report: Report) -> Extras:
    """A table a series and `gap` in JSON; a note where nothing was measured or generations are gone."""
    rows, notes = gaps_of(report)
    if not rows:
        notes.append("no dependency gap: none of these runs was decoded with --measure-gap")
        return Extras(data={"gap": []}, notes=tuple(notes))
    unknown = sum(row.unknown for row in rows)
    if unknown:
        notes.append(f"dependency gap unknown for {unknown} answers: the model's logits were not finite")
    by_point: dict[str, dict[str, GapRow]] = {}
    for row in rows:
        by_point.setdefault(row.point, {})[row.task] = row
    tables = [
        _table(report, series, by_point)
        for series in report.series
        if any(point.settings.id in by_point for point in series.points)
    ]
    places = {point.settings.id: number for number, point in enumerate(report.points)}
    return Extras(
        tables=tuple(tables),
        data={"gap": [_data(row, places[row.point]) for row in rows]},
        notes=tuple(notes),
        remarks=(_REMARK,),
    )


def _table(report: Report, series: Series, rows: Mapping[str, Mapping[str, GapRow]]) -> Table:
    names = short_names(report.tasks)
    points = [point for point in series.points if point.settings.id in rows]
    columns = [rows[point.settings.id] for point in points]
    tasks = [task for task in report.tasks if any(task in column for column in columns)]
    body = [(names[task], *(_cell(column.get(task)) for column in columns)) for task in tasks]
    means = [
        ("mean over tasks", *(_over_tasks([row.bits for row in column.values()]) for column in columns)),
        ("right answers", *(_over_answers(column, "right") for column in columns)),
        ("wrong answers", *(_over_answers(column, "wrong") for column in columns)),
    ]
    return Table(
        title=f"{series.name}: dependency gap, bits an answer",
        columns=("task", *(point.settings.setting for point in points)),
        rows=(*body, *means),
        sections=frozenset({len(body), len(body) + 1}),
    )


def _cell(row: GapRow | None) -> str:
    if row is None or row.bits is None:
        return NONE
    mean, low, high = map(_signed, (row.bits, *(row.ci95 or (row.bits, row.bits))))
    return mean if low == mean == high else f"{mean} ({low} to {high})"


def _signed(bits: float) -> str:
    return "0.0" if abs(bits) < 0.05 else f"{bits:+.1f}"


def _over_tasks(values: Sequence[float | None]) -> str:
    """Mean over tasks, each counted once."""
    known = [value for value in values if value is not None]
    return _signed(sum(known) / len(known)) if known else NONE


def _over_answers(column: Mapping[str, GapRow], which: str) -> str:
    """Mean over the right or the wrong answers to all tasks, and how many they are."""
    pairs = [(getattr(row, f"n_{which}"), getattr(row, which)) for row in column.values()]
    count = sum(number for number, _ in pairs)
    total = sum(number * mean for number, mean in pairs if mean is not None)
    return f"{_signed(total / count)} (n = {count})" if count else NONE


def _data(row: GapRow, place: int) -> dict[str, Any]:
    """`point` is the place in the report's list of points; `steps` by number of tokens in a step."""
    found = asdict(row) | {"point": place}
    sizes = found.pop("sizes")
    steps = [{"tokens": size, "n": count, "bits": bits} for size, (count, bits) in sizes.items()]
    return found | {"steps": steps}
