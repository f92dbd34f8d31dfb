"""Answers that a model could give but nobody would expect: nothing crashes, hangs or takes a second."""

from __future__ import annotations

import time

import pytest

from pbench.grammar import HarperChecker
from pbench.metrics import MetricTools, get_metric, score_many
from tests.metrics.fakes import half
from tests.metrics.test_registry import REFERENCES

# Of CPU: a quiet machine takes under one, a busy one counts more; what grows with the square takes hours.
MOST_SECONDS = 5.0
ANSWERS = {
    "empty": "",
    "10 MB of text": "The cat sat on the mat. " * 420_000,
    "10 MB of commas": "[" + "," * 10_000_000 + "]",
    "10 MB of lines": "A,B\n" * 2_500_000,
    "10 MB without a space": "a" * 10_000_000,
    "10 MB of digits": "1" * 10_000_000,
    "10 MB of short numbers": "12 " * 3_300_000,
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
    "blank items": ("[" + " ," * 5_000_000 + "]", LISTS),
    "items": ("[" + "A," * 5_000_000 + "]", LISTS),
    "exact items": ("[" + ", ".join(['"A"'] * 2_000_000) + "]", (*LISTS, "domino")),
    "rows of one symbol": ("A,A\n" * 2_500_000, GRIDS),
    "rows that nearly fit": ("A,B,C\n" * 1_700_000, GRIDS),
    "blank lines": ("\n" * 10_000_000, GRIDS),
    "lines of two digits": ("12\n" * 3_300_000, (*GRIDS, "domino")),
    "digits far apart": (("1" + " " * 99) * 100_000, (*GRIDS, "domino", "math_op")),
    "one line": ("A,B," * 2_500_000, (*GRIDS, *LISTS)),
    "short words": ("a " * 5_000_000, SENTENCES),
    "dots": ("." * 10_000_000, SENTENCES),
    "JSON": ("[" + "1," * 5_000_000 + "1]", ("json_syntax", "list_match")),
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
        assert time.process_time() - start < MOST_SECONDS, name
        assert not reasons, (name, reasons)
        assert set(values) == set(get_metric(name).values)


@pytest.mark.parametrize("name", AIMED)
def test_ten_megabytes_of(name: str) -> None:
    answer, metrics = AIMED[name]
    for metric in metrics:
        start = time.process_time()
        [(_, reasons)] = score_many(metric, [answer], [REFERENCES[metric]], MetricTools())
        assert time.process_time() - start < MOST_SECONDS, metric
        assert not reasons


def test_what_stands_after_megabytes_is_still_read() -> None:
    text = "blah [" * 1_000_000 + '["A", "B"]'
    [(values, _)] = score_many("list_match", [text], ['["A", "B"]'], MetricTools())
    assert values == {"score": 1, "score_strict": 1}
