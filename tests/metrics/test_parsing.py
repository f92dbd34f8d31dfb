"""Reading answers: the lenient list rules with their quirks, the strict ones, markers, fences, words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.metrics import parsing

ITEMS = st.lists(st.text("abcXYZ .'-\u00e9\t", min_size=1).filter(lambda s: s == s.strip(' "')), min_size=1)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('["A B", "C D"]', ["A B", "C D"]),
        ("[A B, C D]", ["A B", "C D"]),  # quotes are optional
        ("A B, C D", ["A B", "C D"]),  # and so are brackets
        ('Sure! ["A", "B"] Done.', ["A", "B"]),
        ('["x"] no, ["A", "B"]', ["A", "B"]),  # the last [
        ('["A"], "B"]', ["A"]),  # the first ] after it
        ('["A", "B"', ["A", "B"]),  # an open list
        ('"A", "B"]', ["A", "B"]),
        ("[]", []),
        ("", []),
        ("[ , ,A,]", ["A"]),  # white space alone is dropped
        ("[\t,\n,A]", ["A"]),
        ('["", "A"]', ["", "A"]),  # an empty string stays
        ('["A", " "]', ["A", ""]),  # judged before the quotes go
        ('[""A"", "B " ]', ["A", "B"]),
        ('[\t"A"\n]', ['\t"A"\n']),  # other white space is not stripped, and guards the quotes
        ("['A', 'B']", ["'A'", "'B'"]),  # other quotes are not quotes
        ("[[A, B], C]", ["A", "B"]),
        ('["A, B"]', ["A", "B"]),  # a comma splits even in quotes
        ("no list here", ["no list here"]),
        ("[A]]", ["A"]),
    ],
)
def test_lenient(text: str, items: list[str]) -> None:
    assert parsing.parse_lenient(text) == items


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('["A B", "C D"]', ["A B", "C D"]),
        ('Sure! ["A"] Done.', ["A"]),
        ('["x"] no, ["A", "B"]', ["A", "B"]),
        ('["A", ""]', ["A", ""]),
        ('[" A"]', [" A"]),  # nothing is stripped
        ('["A","B"]', None),  # no space
        ('["A",  "B"]', None),  # two spaces
        ('[ "A"]', None),
        ("[A, B]", None),
        ('["A", B]', None),
        ('["A"', None),
        ('"A"]', None),
        ('["A"] [', None),  # the last [ has no ]
        ('["A""]', None),
        ('["A, B"]', None),
        ('["]', None),
        ("[]", None),
        ("", None),
        ('["A", ]', None),
    ],
)
def test_strict(text: str, items: list[str] | None) -> None:
    assert parsing.parse_strict(text) == items


def _strict_by_the_letter(text: str) -> list[str] | None:
    before, found, rest = text.rpartition("[")
    del before
    inner, closed, _ = rest.partition("]")
    pieces = inner.split(", ")
    right = all(len(p) > 1 and p.startswith('"') and p.endswith('"') and '"' not in p[1:-1] for p in pieces)
    return [p[1:-1] for p in pieces] if found and closed and right else None


@given(st.text('[]", Ab\n'))
def test_strict_is_the_rule_by_the_letter(text: str) -> None:
    assert parsing.parse_strict(text) == _strict_by_the_letter(text)


@given(st.text())
def test_any_text_has_a_lenient_list(text: str) -> None:
    items = parsing.parse_lenient(text)
    assert all("," not in item and item == item.strip('" ') for item in items)
    assert parsing.parse_list(text) == (items, parsing.parse_strict(text))


@given(ITEMS)
def test_a_written_list_is_read_back(items: list[str]) -> None:
    text = json.dumps(items, ensure_ascii=False).replace("\\t", "\t")
    assert parsing.parse_lenient(text) == items
    assert parsing.parse_strict(text) == items


@given(st.text('[]", Ab\n\t'), st.integers(0, 4))
def test_a_bounded_list_is_the_whole_one_or_too_long(text: str, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "LONG", -1)
        lenient, strict = parsing.parse_list(text, most)
    whole, whole_strict = parsing.parse_list(text)
    assert lenient == whole[: most + 1]
    assert strict == whole_strict or (strict is None and len(whole_strict or ()) > most)


def test_a_list_of_megabytes_is_read_in_full() -> None:
    text = '["A"' + " , " * 1_000_000 + ',"B" ]'
    assert parsing.parse_lenient(text) == ["A", "B"]
    assert parsing.parse_lenient(text, 2) == ["A", "B"]
    assert len(parsing.parse_lenient("[" + "A," * 1_000_000 + "]", 5)) == 6


def test_reference_items() -> None:
    assert parsing.as_items('["A", "B"]') == ["A", "B"]
    assert parsing.as_items(["A", 2]) == ["A", "2"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('Step 1: ["x"]. The answer is: ["A"]', ' ["A"]'),
        ("The answer is: 1. No. The answer is: 2", " 2"),
        ("no marker", "no marker"),
        ("the answer is: 1", "the answer is: 1"),
    ],
)
def test_extract_answer(text: str, answer: str) -> None:
    assert parsing.extract_answer(text) == answer


def test_another_marker() -> None:
    assert parsing.extract_answer("a => b => c", "=>") == " c"


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("Here:\n```json\n[1]\n```\nand ```json\n[2]\n```", "[1]"),
        ("```\n[1]\n```", "[1]"),
        ("```[1]```", "[1]"),
        (" [1] ", "[1]"),
        ("```json\n[1]", "```json\n[1]"),  # a fence that is not closed is none
        ("```python\n[1]\n```", "python\n[1]"),
    ],
)
def test_fenced(text: str, content: str) -> None:
    assert parsing.fenced(text, "json") == content


def test_sentence_words() -> None:
    assert parsing.sentence_words(" An apple, an  egg.\nU.S. ") == ["A", "apple", "a", "egg", "US"]
