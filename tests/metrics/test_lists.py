"""List metrics: hand-made cases of each rule, lenient and strict."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.metrics import MetricTools, score_many

NAMES = ["Ann Lee", "Bob Ray", "Cal Fox", "Dee Orr"]
LISTS = st.lists(st.sampled_from("ABCDEFGHIJKLMNOP"), min_size=2, max_size=8, unique=True)


def write(items: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{item}"' for item in items) + "]"


def judge(metric: str, prediction: str, reference: Any) -> tuple[float | None, float | None]:
    [(values, reasons)] = score_many(metric, [prediction], [reference], MetricTools())
    assert not reasons
    assert set(values) == {"score", "score_strict"}
    return values["score"], values["score_strict"]


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        ('["Ann Lee", "Bob Ray"]', (1, 1)),
        ('The list is ["Ann Lee", "Bob Ray"].', (1, 1)),
        ("Ann Lee, Bob Ray", (1, 0)),
        ('["Ann Lee","Bob Ray"]', (1, 0)),
        ('["Ann Lee ", "Bob Ray"]', (1, 0)),
        ('["Ann Lee", "", "Bob Ray"]', (0, 0)),  # the empty item counts
        ('["Bob Ray", "Ann Lee"]', (0, 0)),
        ('["ann lee", "bob ray"]', (0, 0)),
        ("", (0, 0)),
    ],
)
@pytest.mark.parametrize("reference", ['["Ann Lee", "Bob Ray"]', ["Ann Lee", "Bob Ray"], "Ann Lee,Bob Ray"])
def test_list_match(prediction: str, expected: tuple[int, int], reference: Any) -> None:
    assert judge("list_match", prediction, reference) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (["B", "A", "A"], (1, 1)),
        (["A", "A", "B"], (0, 0)),  # the input itself
        (["B", "A"], (0, 0)),
        (["B", "B", "A"], (0, 0)),  # the same set, another multiset
    ],
)
@pytest.mark.parametrize("source", [["A", "A", "B"], '["A", "A", "B"]'])
def test_list_shuffle(answer: list[str], expected: tuple[int, int], source: Any) -> None:
    assert judge("list_shuffle", write(answer), {"input": source}) == expected
    assert judge("list_shuffle", ",".join(answer), {"input": source}) == (expected[0], 0)


@pytest.mark.parametrize(
    ("answer", "word", "expected"),
    [
        ("ABX", "X", 1),
        ("XAB", "X", 1),
        ("AXB", "X", 1),
        ("AB", "X", 0),
        ("AXXB", "X", 0),  # once
        ("BXA", "X", 0),  # order
        ("AAB", "A", 1),  # the first occurrence goes
        ("BAA", "A", 0),
        ("AXBY", ["X", "Y"], 1),
        ("AYXB", ["X", "Y"], 1),
        ("AXB", ["X", "Y"], 0),
        ("AXBX", ["X", "X"], 1),
    ],
)
def test_list_random_insert(answer: str, word: Any, expected: int) -> None:
    reference = {"input": ["A", "B"], "word": word}
    assert judge("list_random_insert", write(answer), reference) == (expected, expected)


@pytest.mark.parametrize(
    ("source", "answer", "count", "expected"),
    [
        ("ABCD", "ABD", None, 1),
        ("ABCD", "BCD", 1, 1),
        ("ABCD", "ABCD", 1, 0),
        ("ABCD", "AB", 1, 0),
        ("ABCD", "AB", 2, 1),
        ("ABCD", "ADB", 1, 0),  # order
        ("ABCD", "ABX", 1, 0),  # replaced as well
        ("AAB", "AB", 1, 0),  # no item is missing from the set
        ("ABA", "AB", 1, 0),
        ("AB", "", 2, 1),
    ],
)
def test_list_random_remove(source: str, answer: str, count: int | None, expected: int) -> None:
    reference = {"input": list(source), **({} if count is None else {"n_words": count})}
    score, strict = judge("list_random_remove", write(answer), reference)
    assert score == expected
    assert strict == (expected if answer else 0)  # `[]` is no strict list


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("XBC", 1),
        ("AXC", 1),
        ("ABC", 0),
        ("ABCX", 0),
        ("AXX", 0),
        ("AXB", 0),  # something else moved
        ("XB", 0),
    ],
)
def test_list_random_replace(answer: str, expected: int) -> None:
    reference = {"input": '["A", "B", "C"]', "word": "X"}
    assert judge("list_random_replace", write(answer), reference) == (expected, expected)


def test_strict_is_never_better_by_the_same_list() -> None:
    reference = {"input": ["A", "B"], "word": "X"}
    assert judge("list_random_insert", '["A", "X","B"]', reference) == (1, 0)
    assert judge("list_random_insert", '["A", " X", "B"]', reference) == (1, 0)


@given(LISTS, st.integers(0, 2**32))
def test_right_answers_score_1(items: list[str], seed: int) -> None:
    random, word = Random(seed), "Zed Zee"
    place = random.randrange(len(items))
    inserted = [*items[:place], word, *items[place:]]
    replaced = [*items[:place], word, *items[place + 1 :]]
    removed = [*items[:place], *items[place + 1 :]]
    rotated = items[1:] + items[:1]
    reference = {"input": write(items), "word": word, "n_words": 1}
    assert judge("list_match", write(items), write(items)) == (1, 1)
    assert judge("list_shuffle", write(rotated), reference) == (1, 1)
    assert judge("list_random_insert", write(inserted), reference) == (1, 1)
    assert judge("list_random_replace", write(replaced), reference) == (1, 1)
    assert judge("list_random_remove", write(removed), reference) == (1, 1)
    for metric in ("list_shuffle", "list_random_insert", "list_random_replace", "list_random_remove"):
        assert judge(metric, write(items), reference) == (0, 0)
