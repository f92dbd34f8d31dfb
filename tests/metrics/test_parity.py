"""The lenient rules once more, written by the letter and without haste: equal scores on any text."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbench.metrics import MetricTools, parsing, puzzles, score_many

# --- by the letter -------------------------------------------------------------------------------


def read(text: str) -> list[str]:
    inner = text.split("[")[-1].split("]")[0].strip("[]")
    return [piece.strip(' "') for piece in inner.split(",") if piece.strip()]


def shuffled(answer: list[str], ref: dict[str, Any]) -> bool:
    return Counter(answer) == Counter(read(ref["input"])) and answer != read(ref["input"])


def inserted(answer: list[str], ref: dict[str, Any]) -> bool:
    for word in [ref["word"]] if isinstance(ref["word"], str) else ref["word"]:
        if word not in answer:
            return False
        place = answer.index(word)
        answer = answer[:place] + answer[place + 1 :]
    return answer == read(ref["input"])


def taken_out(source: list[str], answer: list[str], count: int) -> bool:
    missing = {item for item in source if item not in answer}
    if len(source) - len(answer) != count or len(missing) != count:
        return False
    for item in missing:
        source = [*source[: source.index(item)], *source[source.index(item) + 1 :]]
    return source == answer


def removed(answer: list[str], ref: dict[str, Any]) -> bool:
    return taken_out(read(ref["input"]), answer, ref.get("n_words", 1))


def replaced(answer: list[str], ref: dict[str, Any]) -> bool:
    source, word = read(ref["input"]), ref["word"]
    if len(answer) != len(source) or word not in answer:
        return False
    source[answer.index(word)] = word
    return source == answer


LISTS: dict[str, Callable[[list[str], dict[str, Any]], bool]] = {
    "list_match": lambda answer, ref: answer == read(ref["input"]),
    "list_shuffle": shuffled,
    "list_random_insert": inserted,
    "list_random_remove": removed,
    "list_random_replace": replaced,
}


def latin(text: str, ref: dict[str, Any]) -> bool:
    rows = [[cell.strip() for cell in line.split(",")] for line in text.split("\n")]
    rows = [row for row in rows if set(row) == set(ref["symbols"])]
    if len(rows) < ref["size"]:
        return False
    rows = rows[: ref["size"]]
    shortest = min(len(row) for row in rows)
    columns = [[row[place] for row in rows] for place in range(shortest)]
    if "first_row" in ref and rows[0] != ref["first_row"]:
        return False
    return all(set(line) == set(ref["symbols"]) for line in [*rows, *columns])


def four_lines(text: str) -> list[str]:
    lines = [line for line in text.replace(" ", "").replace(",", "").split("\n") if line.strip()]
    lines = ["".join(c for c in line if c in "0123456789") for line in lines]
    return [line for line in lines if len(line) == 4]


def chain(text: str, ref: dict[str, Any]) -> bool:
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    return (
        len(numbers) == ref["length"]
        and numbers[0] == ref["start"]
        and all(11 <= number <= 99 for number in numbers)
        and all(int(str(b)[0]) == a % 10 for a, b in pairwise(numbers))
    )


def words(text: str) -> list[str]:
    found = text.replace(".", "").replace(",", "").split()
    return [{"an": "a", "An": "A"}.get(word, word) for word in found]


# --- equal scores --------------------------------------------------------------------------------


def score(metric: str, text: str, reference: Any) -> float | None:
    """As usual, and the same where it is read piece by piece, as only a very long text is."""
    found = []
    for longest in (parsing.LONG, -1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parsing, "LONG", longest)
            patch.setattr(puzzles, "LONG", longest)
            [(values, reasons)] = score_many(metric, [text], [reference], MetricTools())
        assert not reasons
        found.append(values["score"])
    assert found[0] == found[1]
    return found[0]


many = settings(max_examples=150)
NAMES = st.lists(st.sampled_from(["A", "B b", "C"]), max_size=4)
BROKEN = st.lists(
    st.sampled_from(
        ['"A"', '"B b"', "A", "C", '""', ",", ", ", "[", "]", '"', " ", "\t", "\n", "\u00a0", "x"]
    )
).map("".join)
LINES = st.lists(
    st.sampled_from(["A,B", "B,A", "B, A", " A ,B\r", "A,B,A", "A,A", "A", "", " ", "AB", "C,A,B", "B,A,C"])
).map("\n".join)
NUMBERS = st.lists(
    st.sampled_from(
        ["1234", "3412", "2143", "4321", "1,2,3,4", "3 4 1 2", "12345", "123", "x", "", " ", "|4321|"]
    )
).map("\n".join)
SENTENCES = st.lists(
    st.sampled_from(["an", "An", "a", "egg", "egg.", "is", "red,", ".", " ", "\n", "A", "x"])
).map(" ".join)


@pytest.mark.parametrize("metric", LISTS)
@given(source=NAMES, text=BROKEN | NAMES.map(json.dumps) | st.text(), word=st.sampled_from(["A", "C", "D"]))
@many
def test_lists(metric: str, source: list[str], text: str, word: str) -> None:
    ref = {"input": json.dumps(source), "word": word}
    reference = ref["input"] if metric == "list_match" else ref
    assert score(metric, text, reference) == LISTS[metric](read(text), ref)


@given(source=NAMES, text=NAMES.map(json.dumps), count=st.integers(0, 3), new=NAMES)
@many
def test_several_words(source: list[str], text: str, count: int, new: list[str]) -> None:
    ref = {"input": json.dumps(source), "word": new, "n_words": count}
    assert score("list_random_insert", text, ref) == inserted(read(text), ref)
    assert score("list_random_remove", text, ref) == removed(read(text), ref)


@given(text=LINES | st.text("AB, \n"), size=st.integers(1, 3), first=st.none() | st.just(["A", "B"]))
@many
def test_latin_square(text: str, size: int, first: list[str] | None) -> None:
    ref: dict[str, Any] = {"symbols": ["A", "B"], "size": size} | ({"first_row": first} if first else {})
    assert score("latin_square", text, ref) == latin(text, ref)


@given(text=NUMBERS | st.text("12 34,\n\r\t"))
@many
def test_sudoku(text: str) -> None:
    solution = "1234\n3412\n2143\n4321"
    assert score("sudoku", text, solution) == (four_lines(text) == four_lines(solution))
    assert score("sudoku", solution + text, solution) == (four_lines(solution + text) == four_lines(solution))


@given(
    text=st.text("12 [],") | st.lists(st.sampled_from(["12", "21", "23", "31", "5", "100"])).map(", ".join)
)
@many
def test_domino(text: str) -> None:
    ref = {"length": 3, "start": 12}
    assert score("domino", text, ref) == chain(text, ref)


@given(source=SENTENCES, text=SENTENCES, word=st.none() | st.sampled_from(["a", "egg", "x"]))
@many
def test_sentences(source: str, text: str, word: str | None) -> None:
    answer, items = words(text), words(source)
    lists = {"input": json.dumps(items), "word": word}
    differ = sum(a != b for a, b in zip(answer, items, strict=False))
    expected = {
        "insert": inserted(answer, lists) if word else taken_out(answer, items, 1),
        "remove": taken_out(items, answer, 1),
        "replace": replaced(answer, lists) if word else len(answer) == len(items) and differ == 1,
    }
    ref = {"input": source} | ({"word": word} if word else {})
    for kind, right in expected.items():
        assert score(f"sentence_random_{kind}", text, ref) == right, kind


@given(text=st.text("0123456789,.- ") | st.text(), result=st.integers(-99, 10**30))
@many
def test_math_op(text: str, result: int) -> None:
    assert score("math_op", text, result) == (str(result) in text.replace(",", ""))
    assert score("math_op", f"{text} {result:,}", {"result": result}) == 1
