"""What a report holds beyond its core because it was asked for: failures, comparisons, references.

Each analysis gives its tables, its part of the JSON and its notes; the formats print what is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pbench.report.findings import Findings
from pbench.report.formats import Table

__all__ = ["Extras"]


@dataclass(frozen=True)
class Extras:
    """Further tables in reading order, JSON by top-level key, and what the page draws.

    `notes` are warnings, `remarks` say how the numbers are to be read. `columns` are further ones of the
    CSV, by settings id and task.
    """

    tables: tuple[Table, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    findings: Findings | None = None
    remarks: tuple[str, ...] = ()
    columns: Mapping[str, Mapping[tuple[str, str], float]] = field(default_factory=dict)

    def __add__(self, other: Extras) -> Extras:
        return Extras(
            self.tables + other.tables,
            {**self.data, **other.data},
            self.notes + other.notes,
            other.findings or self.findings,
            self.remarks + other.remarks,
            {**self.columns, **other.columns},
        )
