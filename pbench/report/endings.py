"""How answers ended: refusals, empty and truncated answers and failures, counted at each run point."""

from __future__ import annotations

import numpy as np

from pbench.report.build import Report
from pbench.report.cells import Cells
from pbench.report.formats import Table
from pbench.report.rows import STATUSES

__all__ = ["ending_table", "endings"]

_SPECIAL = ("refusal", "empty", "truncated")


def endings(cells: Cells) -> dict[str, dict[str, int]]:
    """By settings id, the samples of each status that there are; every sample counts once."""
    sums = {identity: np.zeros(len(STATUSES) + 1, dtype=np.int64) for identity in cells.settings}
    for (identity, _), part in cells.slices.items():
        sums[identity] += np.bincount(cells.rows.status[part], minlength=len(STATUSES) + 1)
    return {
        identity: {status: int(count) for status, count in zip(STATUSES, counts, strict=False) if count}
        for identity, counts in sums.items()
    }


def ending_table(report: Report) -> Table | None:
    """One row a run point; None where no answer was refused, empty or truncated."""
    counts = endings(report.cells)
    if not any(status in found for found in counts.values() for status in _SPECIAL):
        return None
    rows = [
        (
            series.name,
            point.settings.setting,
            *(str(counts[point.settings.id].get(status, 0)) for status in STATUSES),
        )
        for series in report.series
        for point in series.points
    ]
    return Table(
        "How answers ended, in samples (empty, refused and truncated ones are scored as they stand)",
        ("run", "setting", *STATUSES),
        tuple(rows),
    )
