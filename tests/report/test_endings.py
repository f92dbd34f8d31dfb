"""How answers ended, and the paper's tables with measured rows in them."""

from __future__ import annotations

import json

import pytest

from pbench.report.endings import ending_table, endings
from pbench.report.paper import measured_rows, paper_extras, paper_tables
from pbench.report.payload import payload_text
from tests.report.conftest import report_of
from tests.report.made import Answer, Run, write_scores

API = Run(model="haiku", sampler=None, options=(), dtype="")


def test_statuses_are_counted_for_each_run_point(tmp_path):
    answers = [Answer(1.0), Answer(0.0, status="refusal"), Answer(0.0, status="truncated")]
    answers += [Answer(None, status="error"), Answer(0.0, status="empty"), Answer(0.0, status="empty")]
    write_scores(tmp_path / "a.scores.parquet", API, {"lists/copy": answers})
    write_scores(tmp_path / "again.scores.parquet", API, {"lists/copy": answers[:2]})
    write_scores(tmp_path / "b.scores.parquet", Run(), {"lists/copy": [Answer(1.0)]})
    report = report_of(tmp_path)
    table = ending_table(report)
    assert table.columns[2:] == ("ok", "refusal", "empty", "truncated", "error")
    assert {row[0].partition(" ")[0]: row[2:] for row in table.rows} == {
        "haiku": ("1", "1", "2", "1", "1"),
        "tiny": ("1", "0", "0", "0", "0"),
    }
    points = {point["model"]: point for point in json.loads(payload_text(report))["points"]}
    assert points["haiku"]["statuses"] == {"ok": 1, "refusal": 1, "empty": 2, "truncated": 1, "error": 1}


def test_no_table_where_every_answer_came_to_its_end(tmp_path):
    answers = [Answer(1.0), Answer(None, status="error")]
    write_scores(tmp_path / "a.scores.parquet", API, {"lists/copy": answers})
    report = report_of(tmp_path)
    assert ending_table(report) is None
    assert list(endings(report.cells).values()) == [{"ok": 1, "error": 1}]


def test_measured_rows_stand_below_the_papers(tmp_path):
    tasks = {
        "waiting_line_n15/copy": [Answer(1.0)] * 3 + [Answer(0.0), Answer(None, status="error")],
        "waiting_line/sort": [Answer(1.0)] * 4,  # lists of other lengths: not what the paper asked
        "puzzle/latin_square_n4": [Answer(0.5)] * 4,
    }
    write_scores(tmp_path / "a.scores.parquet", API, tasks)
    report = report_of(tmp_path)
    lists, texts = paper_extras(report).tables
    last = lists.rows[-1]
    assert last[0].startswith("measured: haiku")
    assert last[0].endswith("(n = 4)")
    assert last[1:] == ("75 (30–95)", *["–"] * 9)
    assert lists.rows[-2][0] == "Claude Haiku 3.5"
    assert lists.sections == {11}
    assert texts.rows[-1][-1].startswith("50 (")
    (row,) = paper_extras(report).data["paper"]["tables"][0]["measured"]
    assert row["values"][0] == {
        "n": 4,
        "mean": 0.75,
        "low": pytest.approx(0.3006, abs=1e-3),
        "high": pytest.approx(0.9544, abs=1e-3),
    }
    assert row["values"][1:] == [None] * 9


def test_only_what_decodes_as_the_papers_rows_do_stands_beside_them(tmp_path):
    task = {"waiting_line_n15/copy": [Answer(1.0)]}
    for name, run in {
        "k2": Run(options=(("k", 2),)),
        "k4": Run(options=(("k", 4),)),
        "blocks": Run(options=(("k", 2),), block_length=8),
    }.items():
        write_scores(tmp_path / f"{name}.scores.parquet", run, task)
    report = report_of(tmp_path)
    rows = measured_rows(report, paper_tables()["tables"][0]["columns"])
    assert [row.setting for row in rows] == ["k=2"]


def test_nothing_is_added_where_none_of_the_tasks_was_measured(tmp_path):
    write_scores(tmp_path / "a.scores.parquet", API, {"waiting_line/copy": [Answer(1.0)]})
    report = report_of(tmp_path)
    tables = paper_tables()["tables"]
    assert [measured_rows(report, table["columns"]) for table in tables] == [[], []]
    assert len(paper_extras(report).tables[0].rows) == 11
