"""What the oracle reads of a sample: which answers are right, as item numbers, not as text.

The reference says that in full, so the wording of the prompt does not matter. An item of a list, or
a cell of a grid, is one token; its id counts the items of this sample, so that every sample has a
vocabulary of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import orjson

from pbench.errors import UsageError
from pbench.puzzles import MAX_ENUMERATED, SUDOKU_SIZE, sudoku_solutions
from pbench.records import Sample

__all__ = ["BLANK", "Kind", "Question", "read_question"]

BLANK = -1  # a grid cell that is not given


class Kind(IntEnum):
    """How the right answers of a question are distributed; all of them are equally probable."""

    FIXED = 0  # one answer
    REPLACE = 1  # a word in the place of any item
    INSERT = 2  # a word at any place
    REMOVE = 3  # without any one item
    SHUFFLE = 4  # any order
    SHUFFLE_OTHER = 5  # any order but the given one
    LATIN = 6  # any Latin square
    SUDOKU = 7  # any complete 4x4 sudoku with the given digits


@dataclass(frozen=True, slots=True)
class Question:
    """`words[j]` is the text of item j: first the input's items in their order, then a new word.

    `positions` counts the items of an answer. `given` are the item numbers of the one answer (FIXED)
    or of the grid's cells, BLANK where they are to be found; else empty.
    """

    kind: Kind
    positions: int
    words: tuple[str, ...]
    given: tuple[int, ...] = ()

    def write(self, items: Sequence[int]) -> str:
        """The answer of these item numbers as text."""
        words = [self.words[item] if item < len(self.words) else f"#{item + 1}" for item in items]
        if self.kind not in (Kind.LATIN, Kind.SUDOKU):
            return '["' + '", "'.join(words) + '"]' if words else "[]"
        size = len(self.words)
        between = "," if self.kind == Kind.LATIN else ""
        return "\n".join(between.join(words[start : start + size]) for start in range(0, len(words), size))


def read_question(sample: Sample) -> Question:
    """UsageError for a sample whose right answers are not known, or too many to list."""
    reader = _READERS.get(sample.metric)
    if reader is None:
        raise UsageError(
            f"{sample.sample_id}: the distribution of right answers under metric {sample.metric!r} is not"
            f" known; the oracle knows {', '.join(_READERS)}"
        )
    try:
        return reader(sample, sample.answer)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{sample.sample_id}: its reference is none of {sample.metric!r}: {type(error).__name__}: {error}"
        ) from None


def _fixed(_sample: Sample, answer: Any) -> Question:
    items = _items(answer)
    words = tuple(dict.fromkeys(items))
    number = {word: place for place, word in enumerate(words)}
    return Question(Kind.FIXED, len(items), words, tuple(number[item] for item in items))


def _shuffle(sample: Sample, answer: Mapping[str, Any]) -> Question:
    items = _different(sample, _items(answer["input"]), least=1)
    if sample.metadata.get("any_order") is True:
        return Question(Kind.SHUFFLE, len(items), items)
    _different(sample, items, least=2)
    return Question(Kind.SHUFFLE_OTHER, len(items), items)


def _random(kind: Kind, longer: int) -> Callable[[Sample, Mapping[str, Any]], Question]:
    def read(sample: Sample, answer: Mapping[str, Any]) -> Question:
        items = _items(answer["input"])
        word = [] if kind == Kind.REMOVE else _one_word(sample, answer["word"])
        if kind == Kind.REMOVE and int(answer.get("n_words") or 1) != 1:
            raise UsageError(f"{sample.sample_id}: the oracle takes out one item, not {answer['n_words']}")
        return Question(kind, len(items) + longer, _different(sample, [*items, *word], least=2))

    return read


def _latin(sample: Sample, answer: Mapping[str, Any]) -> Question:
    symbols = _different(sample, [str(symbol) for symbol in answer["symbols"]], least=1)
    size = len(symbols)
    if size > MAX_ENUMERATED or int(answer.get("size") or size) != size:
        raise UsageError(
            f"{sample.sample_id}: the oracle lists Latin squares of up to {MAX_ENUMERATED} symbols, as many"
            f" as rows; this one has {size} symbols"
        )
    first = answer.get("first_row") or []
    cells = [cell.strip() for cell in first.split(",")] if isinstance(first, str) else list(map(str, first))
    known = [symbols.index(cell) for cell in cells]
    return Question(Kind.LATIN, size * size, symbols, (*known, *[BLANK] * (size * size - len(known))))


def _sudoku(sample: Sample, answer: Any) -> Question:
    text = str(sample.metadata.get("sudoku", answer))
    grid = [[int(cell) for cell in line] for line in text.split("\n")]
    if not sudoku_solutions(grid):
        raise UsageError(f"{sample.sample_id}: its sudoku has no solution")
    digits = tuple(str(digit) for digit in range(1, SUDOKU_SIZE + 1))
    given = tuple(cell - 1 if cell else BLANK for row in grid for cell in row)
    return Question(Kind.SUDOKU, len(given), digits, given)


_READERS: dict[str, Callable[[Sample, Any], Question]] = {
    "list_match": _fixed,
    "list_shuffle": _shuffle,
    "list_random_replace": _random(Kind.REPLACE, 0),
    "list_random_insert": _random(Kind.INSERT, 1),
    "list_random_remove": _random(Kind.REMOVE, -1),
    "latin_square": _latin,
    "sudoku": _sudoku,
}


def _items(value: Any) -> list[str]:
    """Items of a list, or of its text `["A", "B"]`."""
    found = orjson.loads(value) if isinstance(value, str) else value
    if not isinstance(found, list | tuple):
        raise ValueError("no list")
    return [str(item) for item in found]


def _one_word(sample: Sample, value: Any) -> list[str]:
    words = [value] if isinstance(value, str) else [str(word) for word in value]
    if len(words) != 1:
        raise UsageError(f"{sample.sample_id}: the oracle puts in one word, not {len(words)}")
    return words


def _different(sample: Sample, words: Sequence[str], least: int) -> tuple[str, ...]:
    if len(words) < least or len(set(words)) < len(words):
        raise UsageError(
            f"{sample.sample_id}: the oracle needs {least} or more items, all different, not {list(words)}"
        )
    return tuple(words)
