"""The comparison tables of the paper (arXiv 2510.04767, tables 5 to 7), and what was measured beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import orjson

from pbench.artifacts import read_columns
from pbench.metrics.intervals import mean_interval
from pbench.report.build import Report
from pbench.report.extras import Extras
from pbench.report.files import ScoreFile
from pbench.report.formats import Table
from pbench.report.points import Settings, number

__all__ = ["measured_rows", "paper_extras", "paper_tables"]

_NONE = "–"
# The paper's lists are of 15 people; the benchmark's own tasks mix lengths.
_MEASURED_AS = {"waiting_line/": "waiting_line_n15/"}


class Cell(NamedTuple):
    """The mean of one value of a task's metric over `n` samples, 0..1, with its 95 % interval."""

    n: int
    mean: float
    low: float
    high: float


class Row(NamedTuple):
    """One run point in a table's columns; None where it has no such task or value."""

    model: str
    setting: str
    cells: tuple[Cell | None, ...]


def paper_tables() -> dict[str, Any]:
    """`source`, `unit` (percent) and `tables`: `title`, `note`, `columns` (task, value) and `rows`."""
    found: dict[str, Any] = orjson.loads(
        files("pbench.report").joinpath("reference", "paper.json").read_bytes()
    )
    return found


def paper_extras(report: Report) -> Extras:
    """Both tables for print with measured rows below, `paper` in JSON, and where they come from."""
    found = paper_tables()
    measured = [measured_rows(report, table["columns"]) for table in found["tables"]]
    for table, rows in zip(found["tables"], measured, strict=True):
        table["measured"] = [_row_data(row) for row in rows]
    remarks = [f"Reference rows: {found['source']}; they carry no intervals."]
    if any(measured):
        remarks.append(
            "Measured rows are those at k=2 in any order and those without a sampler, over our own samples of"
            " the same tasks, with our grammar checker: to be read beside the paper's, not to be subtracted."
        )
    return Extras(
        tables=tuple(map(_table, found["tables"], measured)),
        data={"paper": found},
        remarks=tuple(remarks),
    )


def measured_rows(report: Report, columns: Sequence[Mapping[str, str]]) -> list[Row]:
    """The run points that decode as the paper's do and have any of the tasks of `columns`, in order."""
    wanted = [(_task_of(column["task"]), column["value"]) for column in columns]
    rows = []
    for series in report.series:
        for point in series.points:
            if not (_alike(point.settings) and {task for task, _ in wanted} & set(point.tasks)):
                continue
            values = _values(report.cells.files[point.settings.id], {task for task, _ in wanted})
            cells = tuple(_cell(values.get(column)) for column in wanted)
            if any(cells):
                rows.append(Row(series.name, point.settings.setting, cells))
    return rows


def _alike(settings: Settings) -> bool:
    """What the paper's rows are: one token after the other, Mercury's own way, or two a step in any order."""
    if settings.sampler in (None, "diffusing"):
        return True
    return settings.params.get("k") == 2 and settings.block_length == "full"


def _task_of(published: str) -> str:
    """Our task that asks what the paper's column asked."""
    for theirs, ours in _MEASURED_AS.items():
        if published.startswith(theirs):
            return ours + published.removeprefix(theirs)
    return published


def _values(sources: Iterable[ScoreFile], tasks: set[str]) -> dict[tuple[str, str], list[float]]:
    """Known values by (task, name) of every decoded sample; one that stands in two files counts once."""
    rows: dict[tuple[str, int], dict[str, float | None]] = {}
    for source in sources:
        table = read_columns(source.path, "scores", ["task", "index", "status", "scores"])
        for row in table.to_pylist():
            if row["task"] in tasks and row["status"] != "error":
                rows[row["task"], row["index"]] = dict(row["scores"])
    found: dict[tuple[str, str], list[float]] = {}
    for (task, _), scores in rows.items():
        for name, value in scores.items():
            if value is not None:
                found.setdefault((task, name), []).append(value)
    return found


def _cell(values: Sequence[float] | None) -> Cell | None:
    if not values:
        return None
    share = mean_interval(values)
    return Cell(len(values), share.mean, share.low, share.high)


def _row_data(row: Row) -> dict[str, Any]:
    return {
        "model": row.model,
        "setting": row.setting,
        "values": [None if cell is None else cell._asdict() for cell in row.cells],
    }


def _table(table: Mapping[str, Any], measured: Sequence[Row]) -> Table:
    """Models by tasks, as in the paper; values that are not the task's own score are named."""
    heads = [
        f"{task} {value}" if value != "score" else task
        for task, value in (
            (column["task"].rpartition("/")[2], column["value"]) for column in table["columns"]
        )
    ]
    published = [(row["model"], *map(number, row["values"])) for row in table["rows"]]
    own = [(_name(row), *map(_percent, row.cells)) for row in measured]
    return Table(
        title=f"Published{' and measured' if own else ''}: {table['title']}, percent ({table['note']})",
        columns=("model", *heads),
        rows=(*published, *own),
        sections=frozenset({len(published)} if own else ()),
    )


def _name(row: Row) -> str:
    sizes = {cell.n for cell in row.cells if cell is not None}
    span = str(min(sizes)) if len(sizes) == 1 else f"{min(sizes)} to {max(sizes)}"
    setting = "" if row.setting == "-" else f" {row.setting}"
    return f"measured: {row.model}{setting} (n = {span})"


def _percent(cell: Cell | None) -> str:
    if cell is None:
        return _NONE
    return f"{100 * cell.mean:.3g} ({100 * cell.low:.0f}–{100 * cell.high:.0f})"
