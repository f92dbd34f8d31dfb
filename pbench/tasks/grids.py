"""Puzzles on a grid: Latin squares over given symbols, 4x4 sudoku with one solution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import Field

from pbench.puzzles import Grid, latin_squares, sudoku_grids
from pbench.tasks.spec import Question, TaskOptions, Turn
from pbench.tasks.stream import Stream

__all__ = ["LatinSquare", "Sudoku"]

_SYMBOLS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ENUMERATED = 4
_CELLS = 16
# 4x4 puzzles with exactly one solution, by the number of given digits: all 288 x 65536 were counted.
_SUDOKU_PUZZLES = {
    4: 25_728, 5: 284_160, 6: 1_041_408, 7: 2_141_184, 8: 2_961_024, 9: 2_958_336,
    10: 2_204_928, 11: 1_239_552, 12: 522_624, 13: 161_280, 14: 34_560, 15: 4_608,
}  # fmt: skip
_ALL_CELLS = (1 << _CELLS) - 1


class LatinSquare(TaskOptions):
    """latin_square: any square of `size` with the given symbols, as CSV lines.

    The symbols are drawn from 0-9, A-Z and shown in that order, so that a set of symbols is one
    question and not many.
    """

    type: Literal["latin_square"]
    size: int = Field(ge=2, le=9)

    takes: ClassVar[frozenset[str]] = frozenset({"symbols", "size"})
    must_show: ClassVar[frozenset[str]] = frozenset({"symbols"})

    @property
    def default_metric(self) -> str:
        return "latin_square"

    def room(self, pool: Sequence[Any], length: int) -> int:  # noqa: ARG002
        return math.comb(len(_SYMBOLS), self.size)

    def draw(self, turn: Turn) -> Question:
        symbols = sorted(turn.stream.sample(_SYMBOLS, self.size))
        square = _latin_square(self.size, turn.stream)
        text = "\n".join(",".join(symbols[cell] for cell in row) for row in square)
        fields = {"symbols": ", ".join(symbols), "size": str(self.size)}
        answer = {"symbols": symbols, "size": self.size, "example": text}
        return Question(fields, answer, text, {"size": self.size})


def _latin_square(size: int, stream: Stream) -> Grid:
    """A random square: uniform up to size 4, then the cyclic one with rows, columns, symbols mixed."""
    if size <= _ENUMERATED:
        return stream.choice(latin_squares(size))
    rows, columns, symbols = (stream.shuffled(range(size)) for _ in range(3))
    return tuple(tuple(symbols[(row + column) % size] for column in columns) for row in rows)


class Sudoku(TaskOptions):
    """sudoku: a 4x4 grid with `given` digits, 0 for a blank, and exactly one solution."""

    type: Literal["sudoku"]
    size: Literal[4] = 4
    given: int = Field(ge=4, le=15)

    takes: ClassVar[frozenset[str]] = frozenset({"sudoku", "size"})
    must_show: ClassVar[frozenset[str]] = frozenset({"sudoku"})

    @property
    def default_metric(self) -> str:
        return "sudoku"

    def room(self, pool: Sequence[Any], length: int) -> int:  # noqa: ARG002
        return _SUDOKU_PUZZLES[self.given]

    def draw(self, turn: Turn) -> Question:
        while True:
            which = turn.stream.below(len(sudoku_grids()))
            shown = turn.stream.sample(range(_CELLS), self.given)
            mask = sum(1 << cell for cell in shown)
            if all(mask & difference for difference in _differences(which)):
                break
        grid = sudoku_grids()[which]
        text = _digits(grid, mask)
        solution = _digits(grid, _ALL_CELLS)
        return Question(
            {"sudoku": text, "size": "4"}, solution, solution, {"given": self.given, "sudoku": text}
        )


@cache
def _cells_of_digits() -> tuple[tuple[int, ...], ...]:
    """For each complete grid the cells (bit masks) of its ones, twos, threes and fours."""
    return tuple(
        tuple(
            sum(1 << cell for cell, value in enumerate(sum(grid, ())) if value == digit)
            for digit in (1, 2, 3, 4)
        )
        for grid in sudoku_grids()
    )


@cache
def _differences(which: int) -> tuple[int, ...]:
    """Cell sets (bit masks) in which another grid differs from this one, the smallest sets only.

    Given cells fix the grid exactly if they meet every one of these sets.
    """
    a, b, c, d = _cells_of_digits()[which]
    masks = {_ALL_CELLS ^ (a & e | b & f | c & g | d & h) for e, f, g, h in _cells_of_digits()} - {0}
    minimal: list[int] = []
    for mask in sorted(masks, key=lambda mask: (mask.bit_count(), mask)):
        if not any(mask & small == small for small in minimal):
            minimal.append(mask)
    return tuple(minimal)


def _digits(grid: Grid, mask: int) -> str:
    shown = [cell if mask >> place & 1 else 0 for place, cell in enumerate(sum(grid, ()))]
    return "\n".join("".join(map(str, shown[start : start + 4])) for start in range(0, _CELLS, 4))
