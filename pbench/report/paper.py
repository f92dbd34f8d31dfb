"""The comparison tables of the paper (arXiv 2510.04767, tables 5 to 7) as reference rows."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import orjson

from pbench.report.extras import Extras
from pbench.report.formats import Table
from pbench.report.points import number

__all__ = ["paper_extras", "paper_tables"]


def paper_tables() -> dict[str, Any]:
    """`source`, `unit` (percent) and `tables`: `title`, `note`, `columns` (task, value) and `rows`."""
    return orjson.loads(files("pbench.report").joinpath("reference", "paper.json").read_bytes())


def paper_extras() -> Extras:
    """Both tables for print, `paper` in JSON, and where they come from."""
    found = paper_tables()
    return Extras(
        tables=tuple(_table(table) for table in found["tables"]),
        data={"paper": found},
        remarks=(f"Reference rows: {found['source']}; they carry no intervals.",),
    )


def _table(table: dict[str, Any]) -> Table:
    """Models by tasks, as in the paper; values that are not the task's own score are named."""
    heads = [
        f"{task} {value}" if value != "score" else task
        for task, value in (
            (column["task"].rpartition("/")[2], column["value"]) for column in table["columns"]
        )
    ]
    return Table(
        title=f"Published: {table['title']}, percent ({table['note']})",
        columns=("model", *heads),
        rows=tuple((row["model"], *map(number, row["values"])) for row in table["rows"]),
    )
