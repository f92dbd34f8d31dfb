import pytest

from pbench.report.points import Stats, SuiteTasks
from pbench.report.tables import (
    CSV_COLUMNS,
    all_tables,
    csv_rows,
    frontier_table,
    oracle_table,
    pbx_reasons,
    pbx_table,
    percent,
    quality_table,
    short_names,
)
from tests.report.conftest import LISTS, report_of
from tests.report.made import Answer, Run, write_scores, zeros_and_ones


def stats(score, ci95):
    return Stats(10, 0, 0, score, ci95, None, None, None, None, None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "–"),
        (stats(None, None), "–"),
        (stats(0.97, (0.915, 0.99)), "97 (92–99)"),
        (stats(0.9725, (0.9, 1.0)), "97.2 (90–100)"),
        (stats(0.5, None), "50"),
        (stats(0.0, (0.0, 0.04)), "0 (0–4)"),
    ],
)
def test_percent(given, expected):
    assert percent(given) == expected


def test_short_names_only_where_they_tell_tasks_apart():
    assert short_names(["a/copy", "b/copy", "a/sort"]) == {
        "a/copy": "a/copy",
        "b/copy": "b/copy",
        "a/sort": "sort",
    }


def test_quality_table(plain):
    report = report_of(plain)
    table = quality_table(report, report.series[0])
    assert table.title == "tiny · confidence: percent (95 % interval)"
    assert table.columns == ("task", "k=1", "k=4", "k=32")
    assert [row[0] for row in table.rows] == [
        "copy",
        "shuffle",
        "mean of 2 tasks",
        "tokens per step",
        "content tokens per step",
    ]
    assert table.rows[1] == ("shuffle", "100 (84–100)", "60 (39–78)", "0 (0–16)")
    assert [cell.split()[0] for cell in table.rows[2][1:]] == ["100", "80", "50"]
    assert table.rows[3] == ("tokens per step", "1.00", "4.00", "32.00")


def test_category_means_where_there_are_several(tmp_path):
    tasks = {
        "lists/copy": zeros_and_ones(4, 4),
        "lists/shuffle": zeros_and_ones(2, 4),
        "text/a": zeros_and_ones(1, 4),
    }
    write_scores(tmp_path / "a.parquet", Run(), tasks)
    report = report_of(tmp_path, SuiteTasks("s", tuple(tasks)))
    rows = {row[0]: row[1] for row in quality_table(report, report.series[0]).rows}
    assert rows["mean of lists"].startswith("75 ")
    assert rows["mean of text"].startswith("25 ")
    assert rows["mean of 3 tasks"].startswith("58.3 ")


def test_smaller_means_and_incomplete_points_are_marked(tmp_path):
    write_scores(tmp_path / "a.parquet", Run(), {task: zeros_and_ones(4, 4) for task in LISTS.tasks})
    failed = [Answer(1.0), Answer(None, nfe=None, status="error")]
    write_scores(tmp_path / "b.parquet", Run(options=(("k", 8),)), {"lists/copy": failed})
    report = report_of(tmp_path)
    table = quality_table(report, report.series[0])
    assert table.columns == ("task", "k=4", "k=8 *")
    assert dict(zip(table.columns, table.rows[2], strict=True))["k=8 *"].endswith("of 1")
    assert table.rows[1][2] == "–"


def test_the_frontier_marks_points_that_are_incomplete(tmp_path):
    failed = [Answer(1.0), Answer(None, nfe=None, status="error")]
    write_scores(tmp_path / "a.parquet", Run(), {"lists/copy": failed})
    report = report_of(tmp_path)
    assert [row[1] for row in frontier_table(report).rows] == ["k=4 *"]
    assert quality_table(report, report.series[0]).rows[1][0] == "mean of 1 task"


def test_pbx_table_and_reasons(plain):
    report = report_of(plain)
    rows = pbx_table(report).rows
    assert [row[:2] for row in rows] == [
        ("tiny · confidence", "measured"),
        ("tiny · threshold", "measured"),
        ("tiny · threshold", "interpolated"),
    ]
    assert rows[0][2].startswith("1.00")
    assert rows[2][2].startswith("5.00 (")
    assert pbx_reasons(report) == []


def test_pbx_reasons_are_said_once(tmp_path):
    for sampler in ("confidence", "random"):
        write_scores(
            tmp_path / f"{sampler}.parquet", Run(sampler=sampler), {"lists/copy": zeros_and_ones(1, 2)}
        )
    (reason,) = pbx_reasons(report_of(tmp_path))
    assert reason.startswith("tiny · confidence, tiny · random: no run point has all of suite lists")


def test_frontier_and_oracle_tables(plain):
    report = report_of(plain)
    assert [row[1] for row in frontier_table(report).rows] == [
        "k=1",
        "gamma=0.9",
        "gamma=0.7",
        "gamma=0.5",
        "k=32",
    ]
    ((name, score, speed, gap),) = oracle_table(report).rows
    assert name == "tiny · threshold"
    assert (score, gap) == ("97.5", f"{float(speed) / 4:.2f}x")
    assert len(all_tables(report)) == 6


def test_csv_rows(plain):
    report = report_of(plain)
    rows = [dict(zip(CSV_COLUMNS, row, strict=True)) for row in csv_rows(report)]
    assert len(rows) == 12
    (row,) = [row for row in rows if row["value"] == "4" and row["task"] == "lists/shuffle"]
    assert (row["parameter"], row["n"], row["score"], row["tokens_per_step"], row["complete"]) == (
        "k",
        20,
        0.6,
        4.0,
        True,
    )
