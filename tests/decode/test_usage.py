"""Sums of what remote answers cost."""

from __future__ import annotations

from dataclasses import replace

from pbench.decode.runners import failed_row
from pbench.decode.usage import usage_of
from pbench.records import Generation
from tests.report.made_traces import sample


def row(status: str = "ok", **usage: int) -> Generation:
    return replace(failed_row(sample(0), "x", "y"), status=status, usage=usage or None)


def test_sums_over_all_rows():
    rows = [row(requests=1, input_tokens=5, cost_nanousd=500_000_000), row(requests=2, cost_nanousd=1)]
    assert usage_of(rows) == {"requests": 3, "input_tokens": 5, "cost_usd": 0.500000001}


def test_a_cost_that_is_not_known_whole_is_not_told():
    assert usage_of([row(requests=1, cost_nanousd=5), row(requests=1)]) == {"requests": 2, "cost_usd": None}
    failed = row("error", requests=3)
    assert usage_of([row(requests=1, cost_nanousd=5), failed])["cost_usd"] == 5e-9


def test_a_model_that_runs_here_has_none():
    assert usage_of([row(), row("error")]) is None
