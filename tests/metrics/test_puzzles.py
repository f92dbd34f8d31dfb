"""Puzzle metrics: Latin square with its quirk, sudoku, domino, arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.metrics import MetricTools, score_many
from pbench.puzzles import latin_squares, sudoku_grids

SOLUTION = "1234\n3412\n2143\n4321"
SQUARE = "A,B,C\nB,C,A\nC,A,B"


def judge(metric: str, prediction: str, reference: Any) -> dict[str, float | None]:
    [(values, reasons)] = score_many(metric, [prediction], [reference], MetricTools())
    assert not reasons
    return values


@pytest.mark.parametrize(
    ("prediction", "score", "exact"),
    [
        (SQUARE, 1, 1),
        ("Here it is:\n\n A , B,C\nB,C,A\r\nC,A,B\nDone.", 1, 1),
        ("A,B,C\nB,C,A\nA,B,C", 0, 0),  # columns
        ("A,B,C\nB,C,A", 0, 0),  # too few rows
        ("A,B,C\nB,C,A\nC,A,A", 0, 0),  # the last line has not all symbols
        ("A,B,C,A\nB,C,A\nC,A,B,B", 1, 0),  # the quirk: columns are cut to the shortest row
        (SQUARE + "\nA,B,C", 1, 0),  # the quirk: further rows do not count
        ("A,B,C\nA,C,B\n" + SQUARE, 0, 0),  # the first rows do
        ("A,B,D\n" + SQUARE, 1, 1),  # a line with another symbol is no row
        ("A B C\nB C A\nC A B", 0, 0),
        ("", 0, 0),
    ],
)
def test_latin_square(prediction: str, score: int, exact: int) -> None:
    reference = {"symbols": ["A", "B", "C"], "size": 3, "example": SQUARE}
    assert judge("latin_square", prediction, reference) == {
        "score": score,
        "score_strict": score,
        "score_exact": exact,
    }


@pytest.mark.parametrize(
    ("first_row", "score"), [("A,B,C", 1), (["A", "B", "C"], 1), ("B,C,A", 0), (None, 1)]
)
def test_latin_square_with_its_first_row(first_row: Any, score: int) -> None:
    reference = {"symbols": "ABC", "first_row": first_row}
    assert judge("latin_square", SQUARE, reference)["score"] == score
    assert judge("latin_square", "A,B,C", reference)["score"] == 0


@pytest.mark.parametrize(
    ("prediction", "score", "strict"),
    [
        (SOLUTION, 1, 1),
        ("\n" + SOLUTION.replace("\n", "\n\n") + "\n", 1, 1),
        ("1 2 3 4\n3, 4, 1, 2\n2143\n4321", 1, 0),
        ("Row 1: " + SOLUTION, 0, 0),  # that line has five digits
        ("Solution:\n" + SOLUTION + "\n(4 x 4)", 1, 0),  # lines with fewer or more digits do not count
        ("|1234|\n3412\n2143\n4321", 1, 0),
        (SOLUTION + "\n1234", 0, 0),
        ("1234\n3412\n2143", 0, 0),
        ("1234\n3412\n2143\n4312", 0, 0),
        ("", 0, 0),
    ],
)
def test_sudoku(prediction: str, score: int, strict: int) -> None:
    assert judge("sudoku", prediction, SOLUTION) == {"score": score, "score_strict": strict}


@pytest.mark.parametrize("reference", ["1234\n3412\n2143", SOLUTION + "\n1234", "12345\n3412\n2143\n4321"])
def test_a_sudoku_without_a_whole_solution_is_not_judged(reference: str) -> None:
    [(values, reasons)] = score_many("sudoku", [reference], [reference], MetricTools())
    assert values == {"score": None, "score_strict": None}
    assert "four lines of four digits" in reasons["score"]


@pytest.mark.parametrize(
    ("prediction", "score", "strict"),
    [
        ("[12, 25, 51]", 1, 1),
        ('["12", "25", "51"]', 1, 1),
        ("12 -> 25 -> 51", 1, 0),
        ("[12,25,51]", 1, 0),
        ("The 3 numbers: [12, 25, 51]", 0, 1),  # lenient takes every number in the text
        ("[12, 25]", 0, 0),
        ("[12, 25, 51, 13]", 0, 0),
        ("[13, 35, 51]", 0, 0),  # start
        ("[12, 35, 51]", 0, 0),  # chain
        ("[12, 25, 510]", 0, 0),
        ("[12, 20, 5]", 0, 0),
        ("[12, 25, 51", 1, 0),  # not closed
        ("12: [13, 35, 51]", 0, 0),
        ("", 0, 0),
    ],
)
def test_domino(prediction: str, score: int, strict: int) -> None:
    reference = {"length": 3, "start": "12"}
    assert judge("domino", prediction, reference) == {"score": score, "score_strict": strict}


@pytest.mark.parametrize(
    ("prediction", "score"),
    [("[21, 11]", 1), ("[21, 10]", 0), ("[89, 99]", 1), ("[98, 89]", 1), ("[09, 91]", 0), ("[99, 100]", 0)],
)
def test_domino_goes_from_11_to_99(prediction: str, score: int) -> None:
    start = prediction[1:3]
    assert judge("domino", prediction, {"length": 2, "start": start})["score"] == score


@pytest.mark.parametrize(
    ("prediction", "score", "strict"),
    [
        ("1234", 1, 1),
        (" 1234\n", 1, 1),
        ("1,234", 1, 0),
        ("The result is 1,234.", 1, 0),
        ("51234", 1, 0),  # the digits occur
        ("1 234", 0, 0),
        ("", 0, 0),
        ("9" * 5000, 0, 0),
    ],
)
@pytest.mark.parametrize("reference", [1234, "1234", "1,234", {"result": 1234}])
def test_math_op(prediction: str, score: int, strict: int, reference: Any) -> None:
    assert judge("math_op", prediction, reference) == {"score": score, "score_strict": strict}


def test_numbers_of_thousands_of_digits_score_0() -> None:
    digits = "1" * 5000
    assert judge("domino", f"[{digits}]", {"length": 1, "start": 11})["score"] == 0
    assert judge("math_op", digits, digits) == {"score": 1, "score_strict": 0}


@given(st.sampled_from(latin_squares(4)), st.sampled_from(sudoku_grids()))
def test_right_answers_score_1(
    square: tuple[tuple[int, ...], ...], grid: tuple[tuple[int, ...], ...]
) -> None:
    text = "\n".join(",".join("WXYZ"[cell] for cell in row) for row in square)
    assert set(judge("latin_square", text, {"symbols": list("WXYZ"), "size": 4}).values()) == {1}
    solution = "\n".join("".join(map(str, row)) for row in grid)
    assert set(judge("sudoku", solution, solution).values()) == {1}
