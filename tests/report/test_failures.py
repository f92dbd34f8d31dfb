"""Failures counted over real generations, in table, JSON and for the page."""

from dataclasses import replace

import pytest

from pbench.report.failure_tables import failure_extras
from pbench.report.failures import MOST_FILES, failures_of, findings_of
from pbench.report.payload import payload
from pbench.report.points import SuiteTasks
from pbench.report.tables import all_tables
from tests.report.conftest import report_of
from tests.report.made import Run
from tests.report.made_traces import RIGHT, SWAPPED, generation, sample, write_run

SUITE = SuiteTasks("lists", ("lists/copy",))


@pytest.fixture
def folder(tmp_path):
    """Copy at k = 1 (all right) and k = 2 (one of four in wrong order, one empty)."""
    samples = [sample(index) for index in range(4)]
    write_run(tmp_path / "k1.parquet", Run(options=(("k", 1),)), [generation(one, k=1) for one in samples])
    ids = (RIGHT, SWAPPED, RIGHT, (2,) * 6)
    rows = [generation(one, own) for one, own in zip(samples, ids, strict=True)]
    write_run(tmp_path / "k2.parquet", Run(options=(("k", 2),)), rows)
    return tmp_path


def test_counts_by_point_and_kind_by_answer(folder):
    report = report_of(folder, SUITE)
    findings = failures_of(report)
    slow, fast = (point.settings.id for point in report.points)
    assert [(row.point, row.n, row.counts) for row in findings.failures] == [
        (slow, 4, {}),
        (fast, 4, {"order": 1, "unparsable": 1}),
    ]
    assert findings.kind_of == {(fast, "lists/copy/1"): "order", (fast, "lists/copy/3"): "unparsable"}
    assert findings.notes == ()
    shown = findings_of(report)
    assert (shown.failures, shown.kind_of, shown.kinds) == (
        findings.failures,
        findings.kind_of,
        findings.kinds,
    )
    assert [heat.point for heat in shown.heats] == [slow, fast]
    assert shown.gaps == ()


def test_table_and_json(folder):
    report = report_of(folder, SUITE)
    asked = report.with_(failure_extras(report))
    table = all_tables(asked)[-1]
    assert table.columns == ("failure", "k=1", "k=2")
    assert table.rows == (
        ("unparsable", "0.0", "25.0"),
        ("wrong order", "0.0", "25.0"),
        ("any failure", "0.0", "50.0"),
        ("tokens per step", "1.00", "2.00"),
    )
    rows = payload(asked)["failures"]["rows"]
    assert [(row["point"], row["setting"], row["task"], row["n"], row["counts"]) for row in rows] == [
        (0, "k=1", "lists/copy", 4, {}),
        (1, "k=2", "lists/copy", 4, {"order": 1, "unparsable": 1}),
    ]
    assert rows[1]["tokens_per_step"] == 2.0
    assert "failures" not in payload(report)


def test_lists_whose_generations_are_gone_are_named_not_guessed(folder):
    (folder / "k2.parquet").unlink()
    findings = failures_of(report_of(folder, SUITE))
    assert len(findings.failures) == 1
    (note,) = findings.notes
    assert "k2.scores.parquet" in note


def test_texts_beside_lists_and_answers_that_were_not_decoded(tmp_path):
    text = replace(sample(0, "text/a"), metric="grammar", answer=None)
    rows = [
        generation(sample(0), SWAPPED),
        replace(generation(sample(1)), output_text="", status="error", error_kind="nan_logits", error="NaN"),
        replace(generation(text), output_text="She saw saw it."),
    ]
    write_run(tmp_path / "run.parquet", Run(), rows)
    found = failures_of(report_of(tmp_path, SUITE)).failures
    assert [(row.task, row.n, row.counts) for row in found] == [
        ("lists/copy", 1, {"order": 1}),
        ("text/a", 1, {"repeated_word": 1}),
    ]
    (tmp_path / "run.parquet").unlink()
    findings = failures_of(report_of(tmp_path, SUITE))
    assert [(row.task, row.counts) for row in findings.failures] == [("text/a", {"repeated_word": 1})]
    assert len(findings.notes) == 1


def test_a_large_grid_is_not_opened_for_the_page(folder, monkeypatch):
    monkeypatch.setattr("pbench.report.failures.MOST_FILES", 1)
    report = report_of(folder, SUITE)
    findings = findings_of(report)
    assert (findings.failures, findings.task_map) == ((), report.task_map)
    assert MOST_FILES == 200
