"""Puzzles: Latin square, sudoku, domino chain, one-line arithmetic."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from pbench.metrics.parsing import LONG
from pbench.metrics.registry import sample_metric

__all__ = ["domino", "latin_square", "math_op", "sudoku"]

_SUDOKU_SIZE = 4
_DIGITS = re.compile(r"\d+")
_NOT_A_DIGIT = re.compile(r"[^0-9]+")
_FOUR_DIGITS = re.compile(r"^(?:[^0-9\n]*+[0-9]){4}[^0-9\n]*+$", re.MULTILINE)
_FILLED_LINE = re.compile(r"\S[^\n]*+")
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
    for line in _possible_rows(prediction, symbols):
        cells = line.split(",")
        if set(cells) == symbols or set(cells := [cell.strip() for cell in cells]) == symbols:
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


def _possible_rows(text: str, symbols: set[str]) -> Iterable[str]:
    """The lines of `text`; of a long one only those that hold all the symbols and nothing else."""
    if len(text) <= LONG:
        return text.split("\n")
    names = [re.escape(symbol) for symbol in sorted(symbols, key=len, reverse=True)]
    held = "".join(rf"(?=[^\n]*{name})" for name in names)
    cell = rf"[^\S\n]*+(?:{'|'.join(names)})[^\S\n]*+"
    rows = re.compile(f"^{held}{cell}(?:,{cell})*+$", re.MULTILINE)
    return (row.group() for row in rows.finditer(text))


def _starts_as_told(square: list[list[str]], first_row: Any) -> bool:
    """Whether the first row is the given one: a list, or its cells with commas; None asks nothing."""
    if first_row is None:
        return True
    cells = first_row.split(",") if isinstance(first_row, str) else first_row
    return square[0] == [str(cell).strip() for cell in cells]


@sample_metric("sudoku", values=("score", "score_strict"))
def sudoku(prediction: str, reference: Any) -> dict[str, float | None]:
    """The digits of the prediction's lines are the solution (a string of four lines of four digits)."""
    solution = _rows_of_digits(str(reference).split("\n"))
    if solution is None:
        raise ValueError("the reference is no solution of four lines of four digits")
    lenient, strict = _digit_lines(prediction)
    return {"score": float(_rows_of_digits(lenient) == solution), "score_strict": float(strict == solution)}


def _digit_lines(text: str) -> tuple[list[str], list[str]]:
    """Lines that may hold four digits, and the stripped lines that are not blank.

    Of a long text no more than it takes to see that they are too many.
    """
    if len(text) <= LONG:
        lines = [line.strip() for line in text.split("\n")]
        lines = [line for line in lines if line]
        return lines, lines
    while "\n\n" in text:  # millions of blank lines, in a third of the time that patterns take
        text = text.replace("\n\n", "\n")
    four, filled = (
        [found.group().strip() for found in islice(pattern.finditer(text), _SUDOKU_SIZE + 1)]
        for pattern in (_FOUR_DIGITS, _FILLED_LINE)
    )
    return four, filled


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
    numbers = _numbers(prediction, length + 1)
    listed = _strict_numbers(prediction, length)
    lenient = _is_chain(numbers, length, start)
    strict = lenient if listed == numbers else listed is not None and _is_chain(listed, length, start)
    return {"score": float(lenient), "score_strict": float(strict)}


def _numbers(text: str, most: int) -> list[str]:
    """The runs of digits in `text`; of a long one the first `most`."""
    if len(text) <= LONG:
        return _DIGITS.findall(text)
    return [found.group() for found in islice(_DIGITS.finditer(text), most)]


def _strict_numbers(text: str, length: int) -> list[str] | None:
    _, opening, rest = text.rpartition("[")
    inner, closing, _ = rest.partition("]")
    if not opening or not closing or len(inner) > length * len('"12", '):
        return None
    return _DIGITS.findall(inner) if _STRICT_DOMINO.fullmatch(inner) else None


def _is_chain(numbers: list[str], length: int, start: int) -> bool:
    if len(numbers) != length or not numbers:
        return False
    try:
        values = [int(number) for number in numbers]
    except ValueError:  # thousands of digits
        return False
    if values[0] != start:
        return False
    digit = start // 10
    for value in values:
        if not 11 <= value <= 99 or value // 10 != digit:
            return False
        digit = value % 10
    return True


@sample_metric("math_op", values=("score", "score_strict"))
def math_op(prediction: str, reference: Any) -> dict[str, float | None]:
    """The result's digits occur in the prediction (commas do not count); strict: it is that number."""
    result = reference["result"] if isinstance(reference, dict) else reference
    digits = str(result).replace(",", "").strip()
    try:
        strict = int(prediction) == int(digits)
    except ValueError:  # no number, or one of thousands of digits
        strict = False
    return {"score": float(digits in prediction.replace(",", "")), "score_strict": float(strict)}
