"""How answers are read: lists (lenient and strict), the answer after a marker, fenced code, words.

The lenient list rules are the original benchmark's, quirks included: `score` must agree with it on
any string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

__all__ = [
    "ANSWER_MARKER",
    "LONG",
    "as_items",
    "extract_answer",
    "fenced",
    "judged_text",
    "parse_lenient",
    "parse_list",
    "parse_strict",
    "sentence_words",
]

ANSWER_MARKER = "The answer is:"
# Texts beyond this are read piece by piece, and no further than it takes to see that they are wrong.
LONG = 20_000
_FILLED = re.compile(r"[^,\s]")


def parse_lenient(text: str, most: int | None = None) -> list[str]:
    """The items of the last bracketed list in `text`; never fails.

    What follows the last `[` (or all), up to the first `]` in that (or the end), is split at `,`;
    pieces of white space alone are dropped, quotes `"` and spaces are stripped from the others.
    With `most`, a list of more items than that may end after one item too many: enough to see
    that it is too long, without reading megabytes.
    """
    return _lenient(text.rpartition("[")[2].partition("]")[0], most)


def parse_strict(text: str) -> list[str] | None:
    """The items of `["A", "B"]` written exactly so (other text around it is allowed), else None.

    The list is the one that `parse_lenient` reads, and must be closed; pieces are split at `, ` and
    each one stands in `"`, with no `"` inside.
    """
    return parse_list(text)[1]


def parse_list(text: str, most: int | None = None) -> tuple[list[str], list[str] | None]:
    """(parse_lenient(text, most), parse_strict(text)), in one go.

    With `most`, the strict list of a long text may be None where it has more items than that.
    """
    _, opening, rest = text.rpartition("[")
    inner, closing, _ = rest.partition("]")
    strict = _strict(inner, most) if opening and closing else None
    if strict is not None and _reads_alike(inner, len(strict)):
        return strict, strict
    return _lenient(inner, most), strict


def _strict(inner: str, most: int | None) -> list[str] | None:
    if len(inner) < 2 or inner[0] != '"' or inner[-1] != '"':
        return None
    if most is not None and len(inner) > LONG and inner.count('", "') > most:
        return None
    items = inner[1:-1].split('", "')
    # Counting says the same as looking into each piece, faster.
    alike = inner.count('"') == 2 * len(items) and inner.count(", ") == len(items) - 1
    return items if alike else None


def _reads_alike(inner: str, items: int) -> bool:
    """Whether a strictly written list has the same items when it is read leniently.

    It has if no item holds a comma or begins or ends with a space: counted again.
    """
    return inner.count(",") == inner.count(' "') == items - 1 and '" ' not in inner


def _lenient(inner: str, most: int | None) -> list[str]:
    if most is None or len(inner) <= LONG:
        return [piece.strip('" ') for piece in inner.split(",") if piece and not piece.isspace()]
    return [piece.strip('" ') for piece in islice(_filled_pieces(inner), most + 1)]


def _filled_pieces(inner: str) -> Iterator[str]:
    """What `inner.split(",")` gives and is not white space alone, one by one."""
    start = 0
    while found := _FILLED.search(inner, start):
        begin = inner.rfind(",", start, found.start()) + 1 or start
        end = inner.find(",", found.end())
        if end < 0:
            yield inner[begin:]
            return
        yield inner[begin:end]
        start = end + 1


def as_items(value: Any) -> list[str]:
    """Items of a reference list, which is a list or a string that is parsed leniently."""
    if isinstance(value, str):
        return parse_lenient(value)
    return list(map(str, value))


def extract_answer(text: str, marker: str = ANSWER_MARKER) -> str:
    """What follows the last `marker`; the whole text if it has none."""
    return text.rpartition(marker)[2]


def judged_text(output: str, metadata: Mapping[str, Any]) -> str:
    """What a metric judges: the output, or what follows the `answer_marker` that its sample asks for."""
    marker = metadata.get("answer_marker")
    return extract_answer(output, marker) if marker else output


def fenced(text: str, language: str) -> str:
    """The stripped content of the first code fence, plain or of this language; else the stripped text."""
    _, _, rest = text.partition("```")
    inside, closing, _ = rest.removeprefix(language).partition("```")
    return (inside if closing else text).strip()


def sentence_words(text: str, most: int | None = None) -> list[str]:
    """Words of a sentence without `.` and `,`; the article does not count as changed (an -> a).

    With `most`, a sentence of more words than that may end in a piece of several words.
    """
    words = text.replace(".", "").replace(",", "").split(None, -1 if most is None else most + 1)
    return [_ARTICLES.get(word, word) for word in words]


_ARTICLES = {"an": "a", "An": "A"}
