"""Cells of value columns: a float in 0..1, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

__all__ = ["Cell", "each", "explain", "products"]

Cell = float | str
T = TypeVar("T")


def explain(error: Exception) -> str:
    """The reason text of a row that could not be judged."""
    return f"{type(error).__name__}: {error}"[:200]


def each(function: Callable[..., T], *columns: Iterable[object]) -> list[T | str]:
    """The function's result for each row, or the reason (str) where it raised."""
    cells: list[T | str] = []
    for row in zip(*columns, strict=True):
        try:
            cells.append(function(*row))
        except Exception as error:
            cells.append(explain(error))
    return cells


def products(*columns: Sequence[Cell]) -> list[Cell]:
    """Row by row the product of values; a row that lacks one has the first reason instead."""
    return [_product(row) for row in zip(*columns, strict=True)]


def _product(cells: Sequence[Cell]) -> Cell:
    total = 1.0
    for cell in cells:
        if isinstance(cell, str):
            return cell
        total *= cell
    return total
