"""Published curves over ours: whose they are, which are drawn, and that they stand in the pictures."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest

from pbench.report import charts
from pbench.report.browser import Limits
from pbench.report.findings import Findings
from pbench.report.formats import csv_text
from pbench.report.html import report_page
from pbench.report.overlay import FRONTIER, drawn, overlays, own_model
from pbench.report.published import read_published
from tests.report.conftest import report_of

TOPK = [("shuffle", 2, 40), ("lists_copy", 1, 99), ("other", 1, 5), ("avg", 4, 60), ("avg", 1, 92)]
THRESHOLD = [("a", 1, 9), ("b", 1, 9), ("c", 1, 9), ("avg", 1, 92), ("avg", 3, 72)]


def site(folder: Path, models: dict[str, str]) -> Path:
    for model in models:
        for strategy, rows in (("confidence-topk", TOPK), ("a-new-one", THRESHOLD)):
            path = folder / "figures" / model / f"{strategy}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(csv_text(("task", "tps", "accuracy"), rows))
    metadata = {"models": [{"id": name, "label": label} for name, label in models.items()]}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    return folder


@pytest.fixture
def others(plain, tmp_path):
    """A report over tiny beside two models that it does not have."""
    return report_of(plain).beside(
        read_published(site(tmp_path / "others", {"m-a": "Model A", "m-b": "Model B"}))
    )


@pytest.fixture
def same(plain, tmp_path):
    """A report over tiny beside a published Tiny and another model."""
    return report_of(plain).beside(
        read_published(site(tmp_path / "same", {"m-a": "Model A", "tiny": "TINY (0.5M)"}))
    )


def test_tasks_are_ours_by_full_and_short_name(others):
    topk = next(one for one in overlays(others) if one.label == "confidence-topk")
    assert topk.sampler == "confidence"
    assert topk.means == ((1.0, 0.92), (4.0, 0.6))
    assert topk.tasks == {"lists/shuffle": ((2.0, 0.4),), "lists/copy": ((1.0, 0.99),)}
    assert topk.mean_tasks == 3


def test_a_model_is_ours_by_its_id_or_label(others, same):
    assert own_model(others, overlays(others)) is None
    assert own_model(same, overlays(same)) == "TINY (0.5M)"


def test_pictures_show_our_model_or_else_one_frontier_a_model(others, same):
    assert {(one.model, one.label) for one in drawn(same)} == {
        ("TINY (0.5M)", "confidence-topk"),
        ("TINY (0.5M)", "a-new-one"),
    }
    first, second = drawn(others)
    assert [first.model, second.model] == ["Model A", "Model B"]
    assert first.sampler == FRONTIER
    assert first.means == ((1.0, 0.92), (1.0, 0.92), (3.0, 0.72), (4.0, 0.6))


def rows_of(chart: dict, run: str) -> list[dict]:
    found = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if node.get("run") == run:
                found.append(node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(chart)
    return found


def test_the_plot_has_them_dashed_under_their_own_name(same):
    chart = charts.curves(same)
    own = rows_of(chart, "published: TINY (0.5M) (3 tasks)")
    assert {(row["speed"], row["percent"]) for row in own if "panel" not in row} == {
        (1.0, 92.0), (4.0, 60.0), (3.0, 72.0),
    }  # fmt: skip
    assert {row["panel"] for row in own if "panel" in row} == {"copy", "shuffle"}
    assert {row["sampler"] for row in own} == {"confidence", "a-new-one"}
    assert "published: TINY (0.5M) (3 tasks)" in charts.svg(chart)
    assert "20 samples" in orjson.dumps(chart).decode()


def test_the_page_has_all_of_them_and_shows_ours_first(same, others):
    for report, model in ((same, "TINY (0.5M)"), (others, "Model A")):
        page = report_page(report, Findings(), Limits())
        data = orjson.loads(page.split('id="data">')[1].split("</script>")[0])
        assert data["published"]["model"] == model
        assert len(data["published"]["curves"]) == 4
        assert len(data["published"]["pbx"]) == 4
        places = {task["id"]: str(place) for place, task in enumerate(data["tasks"])}
        assert data["published"]["curves"][0]["tasks"].keys() <= set(places.values())


def test_without_published_numbers_there_are_none(plain):
    report = report_of(plain)
    assert overlays(report) == drawn(report) == []
    assert "published" not in charts.svg(charts.curves(report))
