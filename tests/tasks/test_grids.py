"""Latin squares and sudokus are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from pbench.puzzles import is_latin, sudoku_solutions
from pbench.tasks import generate, load_suite
from pbench.tasks.grids import _SUDOKU_PUZZLES, _differences

EXTRAS = {spec.name.partition("/")[2]: spec for spec in load_suite("extras").tasks}


@pytest.mark.parametrize("name", ["latin_square_n3", "latin_square_n5"])
def test_examples_are_latin(name: str):
    for sample in generate(EXTRAS[name]):
        square = [row.split(",") for row in sample.answer["example"].split("\n")]
        assert is_latin(square, sample.answer["symbols"])
        assert ", ".join(sample.answer["symbols"]) in sample.messages[-1]["content"]


@pytest.mark.parametrize("given", range(4, 13))
def test_sudokus_have_one_solution(given: int):
    for sample in generate(EXTRAS[f"sudoku_n4_{given}"], samples=30):
        grid = tuple(tuple(map(int, row)) for row in sample.metadata["sudoku"].split("\n"))
        assert sum(cell != 0 for row in grid for cell in row) == given
        (solution,) = sudoku_solutions(grid)
        assert sample.answer == "\n".join("".join(map(str, row)) for row in solution)
        assert sample.messages[-1]["content"].endswith("\n" + sample.metadata["sudoku"])


def test_number_of_puzzles():
    masks = np.arange(1 << 16, dtype=np.uint16)
    given = np.array([mask.bit_count() for mask in range(1 << 16)])
    found = np.zeros(17, dtype=int)
    for which in range(288):
        unique = np.ones(len(masks), dtype=bool)
        for difference in _differences(which):
            unique &= masks & difference != 0
        found += np.bincount(given[unique], minlength=17)
    assert {count: found[count] for count in range(4, 16)} == _SUDOKU_PUZZLES
