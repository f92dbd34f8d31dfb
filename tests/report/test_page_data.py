"""The page's own data say what the report says."""

import orjson
import pytest

from pbench.report.charts import colour
from pbench.report.decoding_order import heat_map
from pbench.report.findings import FailureKind, FailureRow, Findings, TaskPlace
from pbench.report.page_data import page_data
from tests.report.conftest import report_of


@pytest.fixture(scope="module")
def report(plain):
    return report_of(plain)


@pytest.fixture(scope="module")
def data(report):
    return page_data(report, Findings())


def stats(data, values):
    return dict(zip(data["stats"], values, strict=True))


def test_points_are_the_reports(report, data):
    assert len(data["points"]) == len(report.points) == 6
    for shown, point in zip(data["points"], report.points, strict=True):
        assert shown["setting"] == point.settings.setting
        overall = stats(data, shown["overall"])
        assert overall["score"] == pytest.approx(point.overall.score, abs=1e-5)
        assert (overall["low"], overall["high"]) == pytest.approx(point.overall.ci95, abs=1e-5)
        assert overall["speed"] == pytest.approx(point.overall.tokens_per_step, abs=1e-5)
        assert (overall["n"], overall["tasks"]) == (point.overall.n, 2)
        shuffle = stats(data, shown["tasks"]["1"])
        assert shuffle["score"] == pytest.approx(point.tasks["lists/shuffle"].score)
        assert shown["whole"]


def test_series_tasks_and_pbx(report, data):
    assert [series["sampler"] for series in data["series"]] == ["confidence", "threshold"]
    assert data["series"][1]["colour"] == colour("threshold")
    assert [task["name"] for task in data["tasks"]] == ["copy", "shuffle"]
    assert data["thresholds"] == [90, 80, 75, 70, 60]
    for shown, row in zip(data["pbx"], report.pbx, strict=True):
        for value, x in zip(shown["measured"], data["thresholds"], strict=True):
            assert value == pytest.approx(row.measured[x], abs=1e-5)
        assert shown["bounds"] == [row.measured_ci95[x] for x in data["thresholds"]]
        assert shown["interpolated_bounds"] == [row.interpolated_ci95[x] for x in data["thresholds"]]
        assert [value is None for value in shown["interpolated"]] == [
            row.interpolated[x] is None for x in data["thresholds"]
        ]
    (oracle,) = data["oracle"]
    assert oracle["speed"] == pytest.approx(report.oracle[0].tokens_per_step, abs=1e-5)
    assert any(point["frontier"] for point in data["points"])


def test_findings(report):
    kinds = (FailureKind("swap", "swapped names", "..."), FailureKind("count", "wrong count", "..."))
    point = report.points[1]
    findings = Findings(
        task_map=(
            TaskPlace("lists/copy", 6.5, -0.01),
            TaskPlace("lists/shuffle", None, None, "all scores are 0"),
        ),
        kinds=kinds,
        failures=(FailureRow(point.settings.id, "lists/shuffle", 20, {"count": 8}),),
    )
    data = page_data(report, findings)
    assert data["failures"]["rows"] == [[1, 1, 20, [0, 8]]]
    assert [kind["name"] for kind in data["failures"]["kinds"]] == ["swapped names", "wrong count"]
    assert data["map"][0] == {
        "name": "copy",
        "parallelizability": 6.5,
        "order_preference": -0.01,
        "why": None,
    }
    assert data["map"][1]["why"] == "all scores are 0"


def test_hostile_names_are_made_visible(hostile):
    text = orjson.dumps(page_data(report_of(hostile), Findings())).decode()
    assert "\\u001b" not in text
    assert "\u202e" not in text
    assert "\\\\x1b" in text


def test_what_was_asked_for_is_on_the_page_too(laden, monkeypatch):
    tables = page_data(laden, Findings())["tables"]
    titles = [table["title"] for table in tables["shown"]]
    assert any("against the baseline" in title for title in titles)
    assert any("order of unmasking" in title for title in titles)
    assert tables["left_out"] == 0
    for shown, table in zip(tables["shown"], laden.extras.tables, strict=True):
        assert len(shown["rows"]) == len(table.rows)
        assert {len(row) for row in shown["rows"]} == {len(shown["columns"])}
        assert all(cell.isprintable() for row in shown["rows"] for cell in row)
    monkeypatch.setattr("pbench.report.page_data._MOST_TABLES", 1)
    cut = page_data(laden, Findings())["tables"]
    assert (len(cut["shown"]), cut["left_out"]) == (1, len(titles) - 1)


def test_heat_maps_are_letters_by_the_square_root_of_the_share(report):
    point = report.points[0].settings.id
    (shown,) = page_data(report, Findings(heats=(heat_map(point, 2, [[1, 1], [1, 2], [1, 2], [1, 2]]),)))[
        "order"
    ]
    assert shown == {"point": 0, "length": 2, "steps": 2, "rows": ["zi", "0v"]}
