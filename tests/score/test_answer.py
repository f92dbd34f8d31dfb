"""score_answer: references as JSON strings, as parsed values, and as strings that look like JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pbench.errors import UsageError
from pbench.metrics import MetricTools, score_many
from pbench.score import answer, score_answer
from tests.metrics.fakes import RuleChecker
from tests.metrics.test_registry import REFERENCES

PREDICTIONS = {
    "list_match": '["A", "B"]',
    "list_shuffle": '["B", "A"]',
    "list_random_insert": '["A", "C", "B"]',
    "list_random_remove": '["A"]',
    "list_random_replace": '["A", "C"]',
    "latin_square": "A,B\nB,A",
    "sudoku": "1234\n3412\n2143\n4321",
    "domino": "[12, 23]",
    "math_op": "12",
    "sentence_random_insert": "A black cat sat.",
    "words_to_sentence": "A cat sat.",
    "grammar": "A cat sat.",
    "starts_with": "A cat sat.",
}


@pytest.fixture(autouse=True)
def _rule_checker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "open_checker", lambda _choice: RuleChecker())
    answer._checker.cache_clear()


@pytest.mark.parametrize("metric", sorted(PREDICTIONS))
def test_json_strings_and_values_are_the_same(metric: str) -> None:
    prediction, reference = PREDICTIONS[metric], REFERENCES[metric]
    parsed = score_answer(metric, prediction, reference)
    assert parsed["score"] == 1
    assert score_answer(metric, prediction, json.dumps(reference)) == parsed
    tools = MetricTools(RuleChecker())
    assert score_many(metric, [prediction], [reference], tools) == [(parsed, {})]


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ('["A", "B"]', '["A", "B"]'),
        ('"[\\"A\\"]"', '["A"]'),
        ('{"input": "x"}', {"input": "x"}),
        ("12", "12"),
        ("null", "null"),
        ("A cat sat.", "A cat sat."),
        ("[", "["),
        (["A"], ["A"]),
        (12, 12),
    ],
)
def test_as_reference(reference: Any, value: Any) -> None:
    assert answer.as_reference(reference) == value


def test_a_json_list_is_parsed_as_leniently_as_ever() -> None:
    assert score_answer("list_match", "[A, B]", ["A", "B"])["score"] == 1
    assert score_answer("list_match", "[A, B]", '["A", "B "]')["score"] == 1


def test_no_value_and_unknown_metrics() -> None:
    assert score_answer("list_shuffle", "[A]", "{}") == {"score": None, "score_strict": None}
    assert score_answer("paraphrase", "A cat.", {"text": "A dog."})["bertscore_score"] is None
    with pytest.raises(UsageError, match="unknown metric"):
        score_answer("nonsense", "", "")
