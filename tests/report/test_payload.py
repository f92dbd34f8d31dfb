import orjson
import pytest

from pbench.report.payload import payload, payload_text
from tests.report.conftest import LISTS, NASTY, report_of
from tests.report.made import Run, write_scores, zeros_and_ones


def test_shape_is_the_contract(plain):
    found = payload(report_of(plain))
    assert {"schema_version", "points", "pbx", "oracle", "tasks"} <= found.keys()
    point = found["points"][1]
    assert (point["model"], point["sampler"], point["params"], point["block_length"], point["cache"]) == (
        "tiny",
        "confidence",
        {"k": 4},
        "full",
        "none",
    )
    task = point["tasks"]["lists/shuffle"]
    assert (
        task["n"],
        task["score"],
        task["nfe"],
        task["tokens_per_step"],
        task["content_tokens_per_step"],
    ) == (20, 0.6, 8.0, 4.0, 2.0)
    assert 0 < task["ci95"][0] < 0.6 < task["ci95"][1] < 1
    assert point["overall"]["score"] == 0.8
    assert point["complete"] is True
    assert found["tasks"]["lists/copy"]["metric"] == "list_match"


def test_pbx_thresholds_are_percent_and_nulls_have_a_why(plain):
    confidence, threshold = payload(report_of(plain))["pbx"]
    assert confidence["measured"]["80"] == 4.0
    assert confidence["interpolated"] == {"90": None, "80": None, "75": None, "70": None, "60": None}
    assert "not adaptive" in confidence["why"]
    assert threshold["interpolated"]["90"] == pytest.approx(5.0)
    assert threshold["why"] is None


def test_incomplete_for_the_suite(tmp_path):
    write_scores(tmp_path / "a.parquet", Run(), {"lists/copy": zeros_and_ones(1, 2)})
    found = payload(report_of(tmp_path))
    assert found["points"][0]["complete"] is False
    assert found["points"][0]["lacks"] == ["lists/shuffle"]
    assert found["pbx"][0]["measured"]["60"] is None
    assert "lists/shuffle" in found["pbx"][0]["why"]


def test_text_is_json_with_names_as_they_are(hostile):
    found = orjson.loads(payload_text(report_of(hostile, LISTS)))
    assert found["points"][0]["model"] == NASTY
    assert found["schema_version"] == 1
