"""What the answers of a run cost: the tokens and the money that a remote model's rows report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pbench.records import Generation

__all__ = ["usage_of"]

_MONEY = "cost_nanousd"


def usage_of(rows: Iterable[Generation]) -> dict[str, Any] | None:
    """Sums over the rows that are kept, `cost_usd` in US dollars; None where no row reports usage.

    `cost_usd` is None unless the price of every answer is known.
    """
    totals: Counter[str] = Counter()
    answers = priced = 0
    for row in rows:
        if row.usage is not None:
            totals.update(row.usage)
            answers += row.status != "error"
            priced += _MONEY in row.usage
    if not totals:
        return None
    money = totals.pop(_MONEY, 0)
    return {
        **dict(sorted(totals.items())),
        "cost_usd": money / 1e9 if answers and priced == answers else None,
    }
