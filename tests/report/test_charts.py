import xml.etree.ElementTree as ET

import orjson
import pytest

from pbench.report import charts
from pbench.report.formats import clean
from pbench.report.points import SuiteTasks
from pbench.samplers import SAMPLERS
from tests.report.conftest import FORMULA, LISTS, NASTY, report_of
from tests.report.made import Run, write_scores, zeros_and_ones


@pytest.fixture(scope="module")
def chart(plain):
    return charts.curves(report_of(plain))


def test_overall_panel_first_then_tasks_in_order(chart):
    top, grid = chart["vconcat"]
    assert top["title"]["text"] == "Mean of 2 tasks"
    assert grid["facet"]["sort"] == ["copy", "shuffle"]
    assert grid["columns"] == 4


def test_points_are_the_reports_numbers(chart):
    values = list(chart["vconcat"][1]["data"]["values"])
    (point,) = [v for v in values if v["panel"] == "shuffle" and v["setting"] == "k=4"]
    assert (point["speed"], point["percent"], point["n"], point["sampler"]) == (4.0, 60.0, 20, "confidence")
    assert point["low"] < 60 < point["high"]


def test_self_contained(chart):
    text = orjson.dumps({key: value for key, value in chart.items() if key != "$schema"}).decode()
    assert "http" not in text
    assert '"url"' not in text


def test_colours_belong_to_samplers(chart):
    assert len(set(charts.COLOURS.values())) == len(charts.COLOURS)
    assert set(SAMPLERS.names()) <= set(charts.COLOURS)
    assert charts.colour("of-a-plug-in") == charts.colour("of-a-plug-in")
    text = orjson.dumps(chart).decode()
    assert charts.COLOURS["confidence"] in text
    assert charts.COLOURS["threshold"] in text


def test_svg_and_png_are_pictures(chart):
    svg = charts.svg(chart)
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert 600 < float(root.get("width")) <= 920
    words = " ".join(root.itertext())
    for word in (
        "tokens per step",
        "score, %",
        "copy",
        "shuffle",
        "confidence",
        "threshold",
        "gamma=0.5",
        "95 %",
    ):
        assert word in words
    assert charts.png(chart).startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def hostile_chart(hostile):
    return charts.curves(report_of(hostile))


def test_hostile_names_are_inert_in_svg(hostile_chart):
    svg = charts.svg(hostile_chart)
    ET.fromstring(svg)
    assert "<script" not in svg


def test_runs_of_one_sampler_have_a_second_legend(tmp_path):
    tasks = {task: zeros_and_ones(1, 2) for task in LISTS.tasks}
    for name, changes in (("a", {}), ("b", {"cache": "dual"}), ("c", {"model": "other"})):
        write_scores(tmp_path / f"{name}.parquet", Run().with_(**changes), tasks)
    words = " ".join(ET.fromstring(charts.svg(charts.curves(report_of(tmp_path)))).itertext())
    assert "other" in words
    assert "tiny, cache=dual" in words


def test_partial_means_are_not_drawn(tmp_path):
    write_scores(tmp_path / "a.parquet", Run(), {"lists/copy": zeros_and_ones(1, 2)})
    write_scores(tmp_path / "b.parquet", Run(sampler="random"), {"lists/shuffle": zeros_and_ones(1, 2)})
    chart = charts.curves(report_of(tmp_path))
    assert "vconcat" not in chart
    assert chart["facet"]["sort"] == ["copy", "shuffle"]
    assert charts.svg(chart).startswith("<svg")


def test_no_speeds_no_curves(tmp_path):
    write_scores(tmp_path / "a.parquet", Run(sampler=None), {"a/b": zeros_and_ones(1, 2, nfe=None)})
    assert charts.curves(report_of(tmp_path, SuiteTasks("s", ("a/b",)))) is None


def test_names_are_cleaned_for_the_renderer(hostile_chart):
    values = hostile_chart["vconcat"][1]["data"]["values"]
    assert {clean(FORMULA), clean(f"+label={NASTY}")} <= {row["sampler"] for row in values} | {
        row["run"] for row in values
    }
    assert all(text.isprintable() for row in values for text in row.values() if isinstance(text, str))
