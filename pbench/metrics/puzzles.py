"""Puzzles: Latin square, sudoku, domino chain, one-line arithmetic."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from pbench.metrics.parsing import MAX_CHARACTERS
from pbench.metrics.registry import sample_metric

__all__ = ["domino", "latin_square", "math_op", "sudoku"]

_SUDOKU_SIZE = 4
_DIGITS = re.compile(r"\d+")
_NOT_A_DIGIT = re.compile(r"[^0-9]+")
_STRICT_DOMINO = re.compile(r'("?)[0-9]{2}\1(?:, ("?)[0-9]{2}\2)*')


@sample_metric("latin_square", values=("score", "score_strict", "score_exact"))
def latin_square(prediction: str, reference: Any) -> dict[str, float | None]:
    """The lines that hold all `symbols` and no others form a Latin square.

    The first `size` such lines count, columns are cut to the shortest row: a row with a repeated
    symbol at its end passes. `score_exact` wants exactly size x size cells.
    """
    symbols = {str(symbol) for symbol in reference["symbols"]}
    size = int(reference.get("size") or len(symbols))
    rows: list[list[str]] = []
    for line in prediction[:MAX_CHARACTERS].split("\n"):
        cells = line.split(",")
        if set(cells) != symbols:
            cells = [cell.strip() for cell in cells]
        if set(cells) == symbols:
            rows.append(cells)
            if len(rows) > size:
                break
    square = rows[:size]
    right = (
        len(square) == size
        and _starts_as_told(square, reference.get("first_row"))
        and all(map(symbols.__eq__, map(set, zip(*square, strict=False))))
    )
    exact = right and len(rows) == size and set(map(len, square)) == {size}
    return {"score": float(right), "score_strict": float(right), "score_exact": float(exact)}


def _starts_as_told(square: list[list[str]], first_row: Any) -> bool:
    """Whether the first row is the given one: a list, or its cells with commas; None asks nothing."""
    if first_row is None:
        return True
    cells = first_row.split(",") if isinstance(first_row, str) else first_row
    return square[0] == [str(cell).strip() for cell in cells]


@sample_metric("sudoku", values=("score", "score_strict"))
def sudoku(prediction: str, reference: Any) -> dict[str, float | None]:
    """The digits of the prediction's lines are the solution (a string of four lines of four digits)."""
    lines = [line.strip() for line in prediction[:MAX_CHARACTERS].split("\n")]
    lines = [line for line in lines if line]
    solution = _rows_of_digits(str(reference).split("\n"))
    strict = len(lines) == _SUDOKU_SIZE and lines == solution
    return {"score": float(_rows_of_digits(lines) == solution), "score_strict": float(strict)}


def _rows_of_digits(lines: Iterable[str]) -> list[str] | None:
    """The lines of exactly four digits, other characters taken out; None unless there are four."""
    digits = [line if line.isascii() and line.isdigit() else _NOT_A_DIGIT.sub("", line) for line in lines]
    rows = [row for row in digits if len(row) == _SUDOKU_SIZE]
    return rows if len(rows) == _SUDOKU_SIZE else None


@sample_metric("domino", values=("score", "score_strict"))
def domino(prediction: str, reference: Any) -> dict[str, float | None]:
    """A chain of `length` numbers in 11..99 from `start`, each beginning as the one before ended.

    `score` takes every run of digits in the text; `score_strict` a list `[12, 23]`, quotes allowed.
    """
    length, start = int(reference["length"]), int(reference["start"])
    numbers = _DIGITS.findall(prediction[:MAX_CHARACTERS])
    listed = _strict_numbers(prediction)
    return {
        "score": float(_is_chain(numbers, length, start)),
        "score_strict": float(listed is not None and _is_chain(listed, length, start)),
    }


def _strict_numbers(text: str) -> list[str] | None:
    _, opening, rest = text.rpartition("[")
    inner, closing, _ = rest.partition("]")
    if not opening or not closing or len(inner) > MAX_CHARACTERS:
        return None
    return _DIGITS.findall(inner) if _STRICT_DOMINO.fullmatch(inner) else None


def _is_chain(numbers: list[str], length: int, start: int) -> bool:
    if len(numbers) != length or not numbers:
        return False
    try:
        values = [int(number) for number in numbers]
    except ValueError:  # thousands of digits
        return False
    return (
        values[0] == start
        and all(11 <= value <= 99 for value in values)
        and all(after // 10 == before % 10 for before, after in pairwise(values))
    )


@sample_metric("math_op", values=("score", "score_strict"))
def math_op(prediction: str, reference: Any) -> dict[str, float | None]:
    """The result's digits occur in the prediction (commas do not count); strict: it is that number."""
    result = reference["result"] if isinstance(reference, dict) else reference
    digits = str(result).replace(",", "").strip()
    strict = False
    try:
        strict = int(prediction) == int(digits)
    except ValueError:  # no number, or one of thousands of digits
        strict = False
    return {"score": float(digits in prediction.replace(",", "")), "score_strict": float(strict)}
