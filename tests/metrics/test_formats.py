"""Formal answers: patterns and JSON, bad ones and endless ones."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from pbench.metrics import MetricTools, formats, score_many


def judge(metric: str, prediction: str, reference: Any) -> float | None:
    [(values, reasons)] = score_many(metric, [prediction], [reference], MetricTools())
    assert not reasons
    return values["score"]


@pytest.mark.parametrize(
    ("prediction", "pattern", "score"),
    [
        ("2024-01-31", r"\d{4}-\d\d-\d\d", 1),
        ("  2024-01-31\n", r"\d{4}-\d\d-\d\d", 1),
        ("on 2024-01-31", r"\d{4}-\d\d-\d\d", 0),
        ("", "a*", 1),
        ("a", "(a", 0),  # a bad pattern
        ("a", r"\p{L}", 0),  # not one for Python's re
        ("a", "a{99999999999999999999}", 0),
        ("a", "(?a)(?u)a", 0),  # flags that exclude each other
    ],
)
def test_regex_match(prediction: str, pattern: str, score: int) -> None:
    assert judge("regex_match", prediction, {"pattern": pattern}) == score
    assert judge("regex_match", prediction, pattern) == score


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("[[:alpha:]]", ("a", "a]", "l]")),  # a set and a bracket, no class of characters
        ("[a[b]", ("a", "[", "b", "ab")),
        (r"[\]a]", ("]", "a", "[")),
        ("(?:ab){e<=1}", ("ab", "b", "ab{e<=1}")),  # no fuzzy match
        ("a{,2}b{1,}", ("aab", "aaab", "abb", "a{,2}b")),
        ("a#b", ("a#b", "a")),
        ("(?x)a # [b\n c]?", ("a", "ac]", "ac", "a # [b")),
        ("(?x)a # {e<=1}\n b", ("ab", "a")),
        (r"a\Bb|\B", ("ab", "", "a")),
    ],
)
def test_patterns_mean_what_they_mean_to_python(pattern: str, texts: tuple[str, ...]) -> None:
    for text in texts:
        assert judge("regex_match", text, pattern) == bool(re.fullmatch(pattern, text)), text


def test_without_time_left_the_score_is_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "TIME_LIMIT_SECONDS", 0.0)
    assert judge("regex_match", "a", "a") == 0
    assert judge("text_to_regex", "a", {"positive_examples": ["a"], "negative_examples": []}) == 0


@pytest.mark.parametrize(
    ("prediction", "score"),
    [
        ("a+", 1),
        ("Use this:\n```regex\na+\n```", 1),
        ("```\na+\n```", 1),
        ("[ab]+", 0),  # fits a negative example
        ("a", 0),  # does not fit all of `aa`
        ("(", 0),
        ("(?a)(?u)a+", 0),
        ("", 0),
        ("[[:alpha:]", 0),
    ],
)
def test_text_to_regex(prediction: str, score: int) -> None:
    reference = {"positive_examples": ["a", "aa"], "negative_examples": ["b", "ab"]}
    assert judge("text_to_regex", prediction, reference) == score


def test_catastrophic_patterns_end_in_time() -> None:
    start = time.process_time()  # of this process alone: a busy machine changes nothing
    text = "a" * 40 + "b"
    assert judge("regex_match", text, r"(a+)+c|(a|aa)+$") == 0
    assert (
        judge("text_to_regex", r"(x+x+)+y", {"positive_examples": ["x" * 60], "negative_examples": []}) == 0
    )
    assert judge("text_to_regex", "(" * 100_000, {"positive_examples": ["a"], "negative_examples": []}) == 0
    assert time.process_time() - start < 5.0


@pytest.mark.parametrize(
    ("prediction", "score"),
    [
        ('{"a": [1, 2.5, null]}', 1),
        ('Here:\n```json\n{"a": 1}\n```', 1),
        ("```\n[]\n```", 1),
        ("3", 1),
        ("{'a': 1}", 0),
        ('{"a": 1} and more', 0),
        ("", 0),
        (" \n", 0),
        ("[" * 100_000, 0),
        ("[" * 100_000 + "]" * 100_000, 0),
        ("9" * 10_000, 0),
    ],
)
def test_json_syntax(prediction: str, score: int) -> None:
    assert judge("json_syntax", prediction, None) == score
