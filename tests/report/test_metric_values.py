"""The values that stand in score files beside the headline: means by hand, and when they are shown."""

from __future__ import annotations

import csv
import io
import json

import pytest

from pbench.metrics.intervals import mean_interval
from pbench.report import metric_values, page
from pbench.report.build import build_report, load_comparable
from pbench.report.metric_values import metric_extras, text_tasks
from pbench.report.points import SuiteTasks
from pbench.report.write import render
from tests.report.conftest import LISTS, report_of
from tests.report.made import Answer, Run, write_scores, zeros_and_ones
from tests.report.test_cli import call  # noqa: F401

ROUGE = (0.25, 0.5, None, 0.875)
ANSWERS = [
    Answer(float(at % 2), score=0.5 * at, further=(("rougeL", value), ("score_strict", 1.0)))
    for at, value in enumerate(ROUGE)
]
TEXTS = Run(headline="grammar_score")


@pytest.fixture
def texts(tmp_path):
    """A run of one text task, of whose five samples one failed, in two files that share a sample."""
    folder = tmp_path / "runs"
    write_scores(folder / "a.scores.parquet", TEXTS, {"text/summary": ANSWERS})
    more = [*ANSWERS, Answer(None, status="error")]
    write_scores(folder / "b.scores.parquet", TEXTS, {"text/summary": more})
    return folder


def rows_of(report):
    extras = metric_extras(report, text_tasks(report))
    return {row["name"]: row for row in extras.data["metric_values"]}


def test_means_over_the_answers_that_have_a_value_each_once(texts):
    rows = rows_of(report_of(texts))
    assert set(rows) == {"rougeL", "score", "score_strict"}
    wanted = mean_interval([0.25, 0.5, 0.875])
    assert rows["rougeL"] == {
        "point": 0,
        "task": "text/summary",
        "name": "rougeL",
        "n": 3,
        "mean": pytest.approx(1.625 / 3),
        "ci95": [wanted.low, wanted.high],
    }
    assert (rows["score"]["n"], rows["score"]["mean"]) == (4, 0.75)
    assert rows["score_strict"]["ci95"] == list(mean_interval([1.0] * 4)[1:])


def test_the_value_in_the_main_table_is_left_out(texts):
    files, notes = load_comparable([texts])
    assert set(rows_of(build_report(files, LISTS, "combined", notes))) == {
        "grammar_score",
        "rougeL",
        "score_strict",
    }


def test_the_table_by_hand(tmp_path):
    def graded(**values):
        return [Answer(1.0, score=0.0, further=tuple(values.items()))]

    tasks = {"text/a": graded(m=0.25), "text/b": graded(z=0.5, a=0.75), "text/c": graded(m=1.0)}
    write_scores(tmp_path / "k4.parquet", TEXTS, {"text/c": tasks["text/c"], **tasks})
    write_scores(tmp_path / "k8.parquet", TEXTS.with_(options=(("k", 8),)), {"text/c": graded(m=0.0)})
    lists = {"lists/copy": [Answer(1.0, further=(("score_strict", 0.0),))]}
    write_scores(tmp_path / "lists.parquet", Run(sampler="margin"), lists)
    write_scores(tmp_path / "other.parquet", TEXTS.with_(sampler="random"), {"text/a": graded(q=1.0)})
    report = report_of(tmp_path, SuiteTasks("s", ("text/c", "text/b")))
    assert text_tasks(report) == ("text/c", "text/b", "text/a")
    extras = metric_extras(report, text_tasks(report))
    assert list(extras.columns) == [f"metric_{name}" for name in ("a", "m", "q", "score", "z")]
    table, other = extras.tables
    assert [row[0] for row in other.rows] == ["a: q", "a: score"]
    zero, one, between = "0 (0–79)", "100 (21–100)", "(0–100)"  # Wilson of one answer
    assert table.columns == ("task: value", "k=4", "k=8")
    assert table.rows == (
        ("c: m", one, zero),
        ("c: score", zero, zero),
        ("b: a", f"75 {between}", "–"),
        ("b: score", zero, "–"),
        ("b: z", f"50 {between}", "–"),
        ("a: m", f"25 {between}", "–"),
        ("a: score", zero, "–"),
    )
    assert table.sections == {2, 5}
    assert {row["task"] for row in metric_extras(report, ["text/a"]).data["metric_values"]} == {"text/a"}
    (only,) = metric_extras(report, ["lists/copy"]).data["metric_values"]
    assert (only["task"], only["name"], only["mean"]) == ("lists/copy", "score_strict", 0.0)


def test_every_format_has_them(texts):
    report = report_of(texts)
    report = report.with_(metric_extras(report, text_tasks(report)))
    for form in ("table", "md", "latex", "html"):
        assert "rougeL" in render(report, form), form
    assert "54.2 (25–88)" in page.as_markdown(report, None)
    (row,) = csv.DictReader(io.StringIO(page.as_csv(report)))
    assert float(row["metric_rougeL"]) == pytest.approx(1.625 / 3)
    assert (float(row["score"]), float(row["metric_score"])) == (0.5, 0.75)


def test_text_tasks_show_them_unasked_and_lists_where_asked(call, texts, monkeypatch):  # noqa: F811
    lists = {"lists/copy": [Answer(1.0, further=(("score_strict", 0.0),)), *zeros_and_ones(1, 1)]}
    write_scores(texts / "lists.scores.parquet", Run(sampler="margin"), lists)

    def shown(*options):
        found = json.loads(call(texts, "--json", *options).stdout)
        return {(row["task"], row["name"]) for row in found.get("metric_values", ())}

    of_texts = {("text/summary", name) for name in ("rougeL", "score", "score_strict")}
    assert shown() == of_texts
    assert shown("--metrics") == of_texts | {("lists/copy", "score_strict")}
    assert shown("--no-metrics") == set()
    monkeypatch.setattr(metric_values, "MOST_FILES", 1)
    assert shown() == set()
    assert shown("--metrics") > of_texts
