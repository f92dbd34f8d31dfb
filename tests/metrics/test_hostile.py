"""Answers that a model could give but nobody would expect: nothing crashes, hangs or takes long."""

from __future__ import annotations

import time

import pytest

from pbench.grammar import HarperChecker
from pbench.metrics import MetricTools, get_metric, score_many
from tests.metrics.fakes import half
from tests.metrics.test_registry import REFERENCES

SECONDS = 0.6  # of CPU, for 5 MB and any metric

ANSWERS = {
    "empty": "",
    "5 MB of text": "The cat sat on the mat. " * 210_000,
    "5 MB of commas": "[" + "," * 5_000_000 + "]",
    "5 MB of lines": "A,B\n" * 1_250_000,
    "5 MB without a space": "a" * 5_000_000,
    "5 MB of digits": "1" * 5_000_000,
    "5 MB of short numbers": "12 " * 1_650_000,
    "ANSI": "\x1b[2J\x1b]0;x\x07" * 100,
    "HTML": "</script><script>alert(1)</script>" * 100,
    "100,000 brackets": "[" * 100_000,
    "100,000 closing brackets": "]" * 100_000 + '["A"]',
    "100,000 quotes": '"' * 100_000,
    "100,000 fences": "```" * 100_000,
    "nested groups": "(" * 900 + "a" + ")*" * 900,
    "NUL": 'a\x00b ["A", "\x00"]',
    "lone surrogates": '\ud800 ["A", "\udfff"] \udc00',
    "gibberish": " ".join(f"{i:x}zqxj" for i in range(3_000)),
    "control characters": "".join(map(chr, range(32))) * 100,
}

LISTS = ("list_match", "list_shuffle", "list_random_insert", "list_random_remove", "list_random_replace")
GRIDS = ("latin_square", "sudoku")
SENTENCES = ("sentence_random_insert", "sentence_random_replace", "replace_all_with_unique_random")
# Hard for some metrics only.
AIMED = {
    "blank items": ("[" + " ," * 2_500_000 + "]", LISTS),
    "items": ("[" + "A," * 2_500_000 + "]", LISTS),
    "exact items": ("[" + ", ".join(['"A"'] * 1_000_000) + "]", (*LISTS, "domino")),
    "rows of one symbol": ("A,A\n" * 1_250_000, GRIDS),
    "rows that nearly fit": ("A,B,C\n" * 850_000, GRIDS),
    "blank lines": ("\n" * 5_000_000, GRIDS),
    "lines of two digits": ("12\n" * 1_650_000, (*GRIDS, "domino")),
    "digits far apart": (("1" + " " * 99) * 50_000, (*GRIDS, "domino", "math_op")),
    "one line": ("A,B," * 1_250_000, (*GRIDS, *LISTS)),
    "short words": ("a " * 2_500_000, SENTENCES),
    "dots": ("." * 5_000_000, SENTENCES),
    "JSON": ("[" + "1," * 2_500_000 + "1]", ("json_syntax", "list_match")),
    "small braces": ("{" * 2_000, ("text_to_regex",)),
}


@pytest.fixture(scope="module")
def tools() -> MetricTools:
    checker = HarperChecker()
    checker.check(["Wake zxcvbqq."])  # the first word like no other builds an index (2 s, once)
    score_many("summary", ["x"], ["x"], MetricTools())
    score_many("paraphrase", ["x"], ["x"], MetricTools())
    return MetricTools(checker, half)


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_metric_takes_it_quickly(answer: str, tools: MetricTools) -> None:
    for name in REFERENCES:
        start = time.process_time()
        [(values, reasons)] = score_many(name, [ANSWERS[answer]], [REFERENCES[name]], tools)
        assert time.process_time() - start < SECONDS, name
        assert not reasons, (name, reasons)
        assert set(values) == set(get_metric(name).values)


@pytest.mark.parametrize("name", AIMED)
def test_five_megabytes_of(name: str) -> None:
    answer, metrics = AIMED[name]
    for metric in metrics:
        start = time.process_time()
        [(_, reasons)] = score_many(metric, [answer], [REFERENCES[metric]], MetricTools())
        assert time.process_time() - start < SECONDS, metric
        assert not reasons


def test_what_stands_after_megabytes_is_still_read() -> None:
    text = "blah [" * 1_000_000 + '["A", "B"]'
    [(values, _)] = score_many("list_match", [text], ['["A", "B"]'], MetricTools())
    assert values == {"score": 1, "score_strict": 1}
