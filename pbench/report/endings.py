"""How answers ended: refusals, empty and truncated answers and failures, counted at each run point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pbench.report.build import Report
from pbench.report.files import ScoreFile
from pbench.report.formats import Table

__all__ = ["ending_table", "endings"]

_ENDINGS = ("ok", "refusal", "empty", "truncated", "error")


def endings(files: Iterable[ScoreFile]) -> dict[str, int]:
    """Answers by status; a sample that stands in two files of a run point counts once."""
    seen: dict[tuple[str, int], str] = {}
    for file in files:
        columns = (file.columns[name].to_pylist() for name in ("task", "index", "status"))
        seen |= {(task, index): status for task, index, status in zip(*columns, strict=True)}
    counts = Counter(seen.values())
    return {status: counts[status] for status in _ENDINGS if counts[status]}


def ending_table(report: Report) -> Table | None:
    """One row a run point; None where every answer simply came to its end."""
    rows = []
    for series in report.series:
        for point in series.points:
            found = endings(report.cells.files[point.settings.id])
            rows.append(
                (series.name, point.settings.setting, *(str(found.get(status, 0)) for status in _ENDINGS))
            )
    special = _ENDINGS.index("refusal") + 2, _ENDINGS.index("truncated") + 3
    if not any(count != "0" for row in rows for count in row[slice(*special)]):
        return None
    return Table(
        "How answers ended, in samples (empty, refused and truncated ones are scored as they stand)",
        ("run", "setting", *_ENDINGS),
        tuple(rows),
    )
