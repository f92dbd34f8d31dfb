"""Dependency gaps in a table, from rows made by hand."""

import pytest

from pbench.report import gap_tables
from pbench.report.gap_tables import gap_extras
from pbench.report.gaps import GapRow
from tests.report.conftest import LISTS, report_of
from tests.report.made import Run, write_scores, zeros_and_ones

COPY, SHUFFLE = LISTS.tasks


def row(point, task, bits, ci95, right, wrong, unknown=0):
    """`right` and `wrong` are (mean bits, answers)."""
    return GapRow(point, task, 5, bits, ci95, right[0], wrong[0], right[1], wrong[1], 3.0, unknown)


@pytest.fixture
def extras(tmp_path, monkeypatch):
    """k = 1 measured, k = 4 on one task with no number; k = 8 and random not at all."""
    for k, sampler in ((1, "confidence"), (4, "confidence"), (8, "confidence"), (1, "random")):
        run = Run(sampler=sampler, options=(("k", k),))
        write_scores(
            tmp_path / f"{sampler}{k}.parquet", run, {task: zeros_and_ones(1, 2) for task in LISTS.tasks}
        )
    report = report_of(tmp_path)
    first, second = (series_point(report, k) for k in (1, 4))
    rows = [
        row(first, COPY, -1.04, (-3.06, 0.049), (0.5, 3), (-2.0, 2), unknown=1),
        row(first, SHUFFLE, -0.06, (-0.06, -0.06), (None, 0), (-6.0, 2), unknown=2),
        row(second, COPY, None, None, (None, 0), (None, 0), unknown=3),
    ]
    monkeypatch.setattr(gap_tables, "gaps_of", lambda _report: (rows, []))
    return gap_extras(report)


def series_point(report, k):
    (found,) = [
        point.settings.id
        for point in report.points
        if (point.settings.sampler, point.settings.params["k"]) == ("confidence", k)
    ]
    return found


def test_the_table_by_hand(extras):
    (table,) = extras.tables
    assert table.columns == ("task", "k=1", "k=4")
    assert table.rows == (
        ("copy", "-1.0 (-3.1 to 0.0)", "–"),
        ("shuffle", "-0.1", "–"),
        ("mean over tasks", "-0.6", "–"),  # (-1.04 - 0.06) / 2
        ("right answers", "+0.5 (n = 3)", "–"),
        ("wrong answers", "-4.0 (n = 4)", "–"),  # (2 x -2 + 2 x -6) / 4
    )
    assert table.sections == {2, 3}
    assert any("unknown for 6 answers" in note for note in extras.notes)


def test_answers_that_are_all_known_need_no_note(tmp_path, monkeypatch):
    write_scores(tmp_path / "a.parquet", Run(), {COPY: zeros_and_ones(1, 2)})
    report = report_of(tmp_path)
    rows = [row(report.points[0].settings.id, COPY, 0.051, (0.05, 1.0), (1.0, 1), (None, 0))]
    monkeypatch.setattr(gap_tables, "gaps_of", lambda _report: (rows, []))
    extras = gap_extras(report)
    assert extras.notes == ()
    assert extras.tables[0].rows[0] == ("copy", "+0.1 (+0.1 to +1.0)")
