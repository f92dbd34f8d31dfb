"""Latin squares and sudoku: known counts, solutions, bad grids."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench import puzzles

NATIONAL = ((1, 2, 3, 4), (3, 4, 1, 2), (2, 1, 4, 3), (4, 3, 2, 1))


@pytest.mark.parametrize(("n", "count"), [(1, 1), (2, 2), (3, 12), (4, 576)])
def test_latin_squares_have_the_known_counts(n: int, count: int) -> None:
    squares = puzzles.latin_squares(n)
    assert len(set(squares)) == len(squares) == count
    assert list(squares) == sorted(squares)
    assert all(puzzles.is_latin(square, range(n)) for square in squares)


@pytest.mark.parametrize("n", [-1, 0, 5])
def test_other_orders_are_not_enumerated(n: int) -> None:
    with pytest.raises(ValueError, match="orders 1 to 4"):
        puzzles.latin_squares(n)


@given(st.integers(1, 7), st.integers(0, 10**9))
def test_random_squares_are_latin_and_seeded(n: int, seed: int) -> None:
    square = puzzles.random_latin_square(n, Random(seed))
    assert puzzles.is_latin(square, range(n))
    assert square == puzzles.random_latin_square(n, Random(seed))


def test_random_squares_vary() -> None:
    random = Random(0)
    assert len({puzzles.random_latin_square(5, random) for _ in range(50)}) > 45
    assert len({puzzles.random_latin_square(3, random) for _ in range(300)}) == 12
    with pytest.raises(ValueError, match="1 or more"):
        puzzles.random_latin_square(0, random)


@pytest.mark.parametrize(
    ("square", "symbols"),
    [
        ((("A", "B"), ("A", "B")), "AB"),  # columns
        ((("A", "A"), ("B", "B")), "AB"),  # rows
        ((("A", "B"),), "AB"),  # too few rows
        ((("A", "B", "A"), ("B", "A", "B")), "AB"),  # rows too long
        ((("A", "C"), ("C", "A")), "AB"),  # another symbol
        ((("A", "A"), ("A", "A")), "AA"),  # symbols repeat
    ],
)
def test_what_is_not_latin(square: tuple[tuple[str, ...], ...], symbols: str) -> None:
    assert not puzzles.is_latin(square, symbols)
    assert puzzles.is_latin((("A", "B"), ("B", "A")), "AB")


def test_sudoku_grids() -> None:
    grids = puzzles.sudoku_grids()
    assert len(set(grids)) == len(grids) == 288
    assert NATIONAL in grids
    cyclic = ((1, 2, 3, 4), (2, 3, 4, 1), (3, 4, 1, 2), (4, 1, 2, 3))
    assert puzzles.is_latin(cyclic, (1, 2, 3, 4))
    assert not puzzles.is_sudoku(cyclic)


def test_sudoku_solutions() -> None:
    blank = [[0] * 4 for _ in range(4)]
    assert puzzles.sudoku_solutions(blank) == puzzles.sudoku_grids()
    one = [list(row) for row in NATIONAL]
    one[0][0] = one[3][3] = 0
    assert puzzles.sudoku_solutions(one) == (NATIONAL,)
    assert puzzles.sudoku_solutions([[1, 1, 0, 0], *blank[1:]]) == ()


@pytest.mark.parametrize("grid", [[], [[0] * 4] * 3, [[0] * 5] * 4, [[5, 0, 0, 0]] + [[0] * 4] * 3])
def test_bad_grids(grid: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="a sudoku grid"):
        puzzles.sudoku_solutions(grid)
