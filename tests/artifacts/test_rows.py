from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pbench.artifacts.rows import from_row, kind_of_record, to_row
from pbench.artifacts.schemas import KINDS, column_names
from pbench.records import TraceEvent
from tests.artifacts.conftest import MAKERS, make_generation, make_sample, make_score


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_has_the_columns_of_its_kind(kind) -> None:
    row = to_row(MAKERS[kind](0))
    assert list(row) == list(column_names(kind))


def test_values_of_a_metric_that_are_no_numbers_are_null_with_a_reason() -> None:
    values = {"a": math.nan, "b": math.inf, "c": None, "d": 0.5, "e": math.nan}
    row = to_row(replace(make_score(0), values=values, reasons={"c": "no checker", "e": "known"}))
    assert row["scores"] == {"a": None, "b": None, "c": None, "d": 0.5, "e": None}
    assert row["reasons"] == {
        "a": "the metric returned nan",
        "b": "the metric returned inf",
        "c": "no checker",
        "e": "known",
    }


@pytest.mark.parametrize("confidence", [math.nan, math.inf, -math.inf, 1e300])
def test_a_confidence_that_is_no_number_is_null_and_comes_back_as_nan(confidence: float) -> None:
    row = to_row(make_generation(0, trace=(TraceEvent(1, 0, 7, confidence, "commit"),)))
    assert row["trace"][0]["confidence"] is None
    assert math.isnan(from_row("generations", row).trace[0].confidence)


def test_a_confidence_is_rounded_to_float32_in_every_form() -> None:
    row = to_row(make_generation(0, trace=(TraceEvent(1, 0, 7, 0.1, "commit"),)))
    assert row["trace"][0]["confidence"] == 0.10000000149011612


def test_seconds_that_are_no_number_are_null() -> None:
    assert to_row(make_generation(0, seconds=math.inf))["seconds"] is None


@pytest.mark.parametrize("answer", [math.nan, [math.inf], {"a": -math.inf}, 2**64, {1, 2}, {1: 2}])
def test_an_answer_without_a_json_form_is_refused(answer: object) -> None:
    with pytest.raises(ValueError, match="no JSON form"):
        to_row(replace(make_sample(0), answer=answer))


def test_a_generation_read_back_has_the_sample_that_scoring_needs() -> None:
    asked = replace(make_sample(0), output_format=("a",), gen_length=99)
    made = from_row("generations", to_row(replace(make_generation(0), sample=asked)))
    assert made.sample == replace(asked, output_format=None, gen_length=4)


def test_other_objects_are_no_records() -> None:
    with pytest.raises(TypeError, match="dict is no record"):
        kind_of_record({})
