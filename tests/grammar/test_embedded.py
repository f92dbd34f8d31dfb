"""harper: what it finds and where, in order, on several threads, and never for long."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbench.grammar import CheckerError, HarperChecker, embedded

WORDS = [
    "the",
    "The",
    "a",
    "an",
    "apple",
    "he",
    "go",
    "goes",
    "to",
    "too",
    "school",
    "and",
    ",",
    ".",
    "i",
    "'s",
]


@pytest.fixture(scope="module")
def harper() -> HarperChecker:
    checker = HarperChecker()
    checker.check(["Wake zxcvbqq."])  # the first word like no other builds an index (2 s, once)
    return checker


@pytest.mark.parametrize(
    "text",
    [
        "The cat sat on the mat.",
        "Amanda baked cookies and will bring Jerry some tomorrow.",
        "He came to the U.S. in May.",
        " Tom asked whether the shop was open.\n",
        "",
    ],
)
def test_nothing_in_good_sentences(harper: HarperChecker, text: str) -> None:
    assert harper.check([text]) == [[]]


@pytest.mark.parametrize(
    ("text", "rule", "part"),
    [
        ("He go to school every day.", "PronounVerbAgreement", "go"),
        ("The the cat sat.", "RepeatedWords", "The the"),
        ("She bought a apple and some bread yesterday morning.", "AnA", "a"),
        ("We will meet them again in the park zomorrow.", "SpellCheck", "zomorrow"),
        ("The cat sat on the mat. " * 10 + "We met zomorrow.", "SpellCheck", "zomorrow"),
    ],
)
def test_findings_say_where(harper: HarperChecker, text: str, rule: str, part: str) -> None:
    [findings] = harper.check([text])
    found = {finding.rule: finding for finding in findings}
    assert found[rule].text == part
    assert text[found[rule].start : found[rule].end] == part
    assert found[rule].message


def test_texts_keep_their_order_on_several_threads() -> None:
    texts = ["The cat sat.", "The the cat sat."] * 50
    one, four = HarperChecker(threads=1).check(texts), HarperChecker(threads=4).check(texts)
    assert [bool(findings) for findings in four] == [False, True] * 50
    assert one == four


def test_one_checker_serves_many_threads(harper: HarperChecker) -> None:
    texts = ["The cat sat.", "The the cat sat.", "We met zomorrow."] * 10
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: harper.check(texts), range(8))) == [harper.check(texts)] * 8


def test_name_and_version(harper: HarperChecker) -> None:
    assert harper.name == "harper"
    assert harper.version[0].isdigit()


def test_endless_gibberish_is_not_looked_up(harper: HarperChecker) -> None:
    words = " ".join(f"zqx{chr(97 + i % 26)}kv{chr(97 + i // 26)}" for i in range(200))
    start = time.process_time()
    [findings] = harper.check([words])
    assert embedded.SPELLING_FINDINGS <= len([f for f in findings if f.rule == "SpellCheck"]) <= 24
    [[long]] = harper.check(["A " + "x" * 1_000])
    assert (long.rule, long.start, long.end) == ("LongWord", 2, 1_002)
    assert time.process_time() - start < 20.0  # a fifth of one where nothing else runs


def test_the_beginning_of_a_long_text_counts(harper: HarperChecker) -> None:
    good = "The cat sat on the mat. " * (embedded.MAX_CHARACTERS // 24)
    assert len(good) > embedded.MAX_CHARACTERS - 24
    assert harper.check([good.rstrip() + " " * 10_000 + "He go to school."])[0] != []
    assert harper.check(["word. " + "[" * 100_000])[0][0].rule == "LongWord"
    [far] = harper.check([" " * 10_000 + "The the cat sat."])
    assert [(finding.start, finding.end) for finding in far] == [(10_000, 10_007)]


@cache
def default_linter() -> Any:
    return embedded._linter(lambda rules: rules)


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12))
@settings(max_examples=60)
def test_no_finding_where_no_rule_has_one(words: list[str]) -> None:
    linter, text = default_linter(), " ".join(words)
    by_rule = linter.organized_lints(text, language="plaintext")
    assert (embedded._lint(linter, text, 0) == []) == (not any(by_rule.values()))


def test_a_panic_in_rust_is_an_error_of_its_text(harper: HarperChecker) -> None:
    class PanicException(BaseException):
        pass

    class Panicking:
        def lint(self, text: str, language: str, dedup: bool) -> None:
            raise PanicException("index out of bounds")

    with pytest.raises(CheckerError, match="out of bounds"):
        embedded._lint(Panicking(), "text", 0)  # type: ignore[arg-type]
