"""Latin squares and 4x4 sudoku: enumerate, check, solve. Pure Python, cached, shared by the stages.

A Latin square of order n holds n symbols so that each occurs once in every row and every column;
there are 1, 2, 12, 576, 161280 of orders 1 to 5. A 4x4 sudoku is a Latin square of 1..4 whose four
2x2 boxes hold every digit too; there are 288.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import permutations
from random import Random

__all__ = [
    "SUDOKU_SIZE",
    "Grid",
    "is_latin",
    "is_sudoku",
    "latin_squares",
    "random_latin_square",
    "sudoku_grids",
    "sudoku_solutions",
]

Grid = tuple[tuple[int, ...], ...]

SUDOKU_SIZE = 4
MAX_ENUMERATED = 4


@cache
def latin_squares(n: int) -> tuple[Grid, ...]:
    """All Latin squares of order n <= 4 over 0..n-1, in lexicographic order.

    ValueError for larger orders: there are 161280 of order 5; draw with `random_latin_square`.
    """
    if not 1 <= n <= MAX_ENUMERATED:
        raise ValueError(f"latin_squares enumerates orders 1 to {MAX_ENUMERATED}, not {n}")
    rows = tuple(permutations(range(n)))
    return tuple(_extend((), rows, n))


def _extend(square: Grid, rows: Sequence[tuple[int, ...]], n: int) -> Iterator[Grid]:
    """All completions of a partial square by whole rows that repeat nothing in any column."""
    if len(square) == n:
        yield square
        return
    for row in rows:
        if all(cell != above[column] for above in square for column, cell in enumerate(row)):
            yield from _extend((*square, row), rows, n)


def random_latin_square(n: int, random: Random) -> Grid:
    """One Latin square of order n over 0..n-1, drawn with `random`; every square can occur.

    Uniform for n <= 4. Beyond that rows are drawn one after another among the fitting
    permutations, which favours some squares a little.
    """
    if n < 1:
        raise ValueError(f"a Latin square has order 1 or more, not {n}")
    if n <= MAX_ENUMERATED:
        squares = latin_squares(n)
        return squares[random.randrange(len(squares))]
    square: list[tuple[int, ...]] = []
    while len(square) < n:
        # A Latin rectangle can always be completed (Hall 1945), so a row always exists.
        square.append(_random_row(n, square, random))
    return tuple(square)


def _random_row(n: int, above: Sequence[tuple[int, ...]], random: Random) -> tuple[int, ...]:
    """A random permutation that repeats nothing of the rows above in any column (backtracking)."""
    free = [[symbol for symbol in range(n) if all(row[c] != symbol for row in above)] for c in range(n)]
    for choices in free:
        random.shuffle(choices)
    row: list[int] = []

    def place() -> bool:
        if len(row) == n:
            return True
        for symbol in free[len(row)]:
            if symbol not in row:
                row.append(symbol)
                if place():
                    return True
                row.pop()
        return False

    place()
    return tuple(row)


def is_latin(square: Sequence[Sequence[object]], symbols: Sequence[object]) -> bool:
    """Is this an n x n square of the n given symbols with each once in every row and column?"""
    wanted = set(symbols)
    size = len(symbols)
    if len(wanted) != size or len(square) != size or any(len(row) != size for row in square):
        return False
    return all(set(row) == wanted for row in square) and all(
        set(column) == wanted for column in zip(*square, strict=True)
    )


def is_sudoku(grid: Sequence[Sequence[int]]) -> bool:
    """Is this a complete 4x4 sudoku over 1..4?"""
    return is_latin(grid, (1, 2, 3, 4)) and all(
        len({grid[r][c], grid[r][c + 1], grid[r + 1][c], grid[r + 1][c + 1]}) == SUDOKU_SIZE
        for r in (0, 2)
        for c in (0, 2)
    )


@cache
def sudoku_grids() -> tuple[Grid, ...]:
    """The 288 complete 4x4 sudoku grids over 1..4, in lexicographic order."""
    ones = (tuple(tuple(cell + 1 for cell in row) for row in square) for square in latin_squares(SUDOKU_SIZE))
    return tuple(grid for grid in ones if is_sudoku(grid))


def sudoku_solutions(grid: Sequence[Sequence[int]]) -> tuple[Grid, ...]:
    """All completions of a 4x4 grid with 0 = blank, in lexicographic order; () if there is none.

    ValueError if the grid is not 4x4 or has another number than 0..4.
    """
    key = tuple(tuple(row) for row in grid)
    if len(key) != SUDOKU_SIZE or any(len(row) != SUDOKU_SIZE for row in key):
        raise ValueError("a sudoku grid has 4 rows of 4 numbers")
    if any(cell not in range(SUDOKU_SIZE + 1) for row in key for cell in row):
        raise ValueError("a sudoku grid holds the numbers 0 (blank) to 4")
    return _solutions(key)


@lru_cache(maxsize=4096)
def _solutions(grid: Grid) -> tuple[Grid, ...]:
    given = [(r, c, cell) for r, row in enumerate(grid) for c, cell in enumerate(row) if cell]
    return tuple(full for full in sudoku_grids() if all(full[r][c] == cell for r, c, cell in given))
