"""How answers are read: lists (lenient and strict), the answer after a marker, fenced code, words.

The lenient list rules are the original benchmark's, quirks included: `score` must agree with it on
any string.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ANSWER_MARKER",
    "MAX_CHARACTERS",
    "as_items",
    "extract_answer",
    "fenced",
    "parse_lenient",
    "parse_list",
    "parse_strict",
    "sentence_words",
]

ANSWER_MARKER = "The answer is:"
# Longer answers are no answers to these tasks; reading on would only take time.
MAX_CHARACTERS = 200_000


def parse_lenient(text: str) -> list[str]:
    """The items of the last bracketed list in `text`; never fails.

    What follows the last `[` (or all), up to the first `]` in that (or the end), is split at `,`;
    pieces of white space alone are dropped, quotes `"` and spaces are stripped from the others.
    A list of more than MAX_CHARACTERS characters is one item.
    """
    return _lenient(text.rpartition("[")[2].partition("]")[0])


def parse_strict(text: str) -> list[str] | None:
    """The items of `["A", "B"]` written exactly so (other text around it is allowed), else None.

    The list is the one that `parse_lenient` reads, and must be closed; pieces are split at `, ` and
    each one stands in `"`, with no `"` inside.
    """
    return parse_list(text)[1]


def parse_list(text: str) -> tuple[list[str], list[str] | None]:
    """(parse_lenient(text), parse_strict(text)), in one go."""
    _, opening, rest = text.rpartition("[")
    inner, closing, _ = rest.partition("]")
    lenient = _lenient(inner)
    if not opening or not closing or len(inner) > MAX_CHARACTERS:
        return lenient, None
    if len(inner) < 2 or inner[0] != '"' or inner[-1] != '"':
        return lenient, None
    items = inner[1:-1].split('", "')
    # Counting says the same as looking into each piece, faster.
    if inner.count('"') != 2 * len(items) or inner.count(", ") != len(items) - 1:
        return lenient, None
    return lenient, items


def _lenient(inner: str) -> list[str]:
    if len(inner) > MAX_CHARACTERS:
        return [inner]
    return [piece.strip('" ') for piece in inner.split(",") if piece and not piece.isspace()]


def as_items(value: Any) -> list[str]:
    """Items of a reference list, which is a list or a string that is parsed leniently."""
    if isinstance(value, str):
        return parse_lenient(value)
    return [str(item) for item in value]


def extract_answer(text: str, marker: str = ANSWER_MARKER) -> str:
    """What follows the last `marker`; the whole text if it has none."""
    return text.rpartition(marker)[2]


def fenced(text: str, language: str) -> str:
    """The stripped content of the first code fence, plain or of this language; else the stripped text."""
    _, _, rest = text.partition("```")
    inside, closing, _ = rest.removeprefix(language).partition("```")
    return (inside if closing else text).strip()


def sentence_words(text: str) -> list[str]:
    """Words of a sentence without `.` and `,`; the article does not count as changed (an -> a)."""
    words = text[:MAX_CHARACTERS].replace(".", "").replace(",", "").split()
    return [_ARTICLES.get(word, word) for word in words]


_ARTICLES = {"an": "a", "An": "A"}
