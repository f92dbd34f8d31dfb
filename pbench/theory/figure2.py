"""The five panels of the paper's figure 2 (ParallelBench, arXiv 2510.04767), as cells to simulate.

And the cells beyond it: where the closed forms are ours, every one of them at least once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pbench.theory.cells import Cell
from pbench.theory.table1 import GAMMAS, PAPER_TASKS

__all__ = ["LENGTHS", "Panel", "figure2", "general_cells"]

LENGTHS = (6, 8, 10, 12, 16)
_OPEN = ("replace_random", "shuffle")  # tasks with more than one right answer and a closed form


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: accuracy of the tasks over `axis`, which is n or the threshold gamma (then of one n)."""

    name: str
    title: str
    axis: str
    cells: tuple[Cell, ...]


def figure2(
    lengths: Sequence[int] = LENGTHS, gammas: Sequence[float] = GAMMAS, threshold_n: int = 10
) -> tuple[Panel, ...]:
    """Accuracy over n for k = 1, 2 and n, over n at temperature 1, and over gamma for lists of one n."""
    return (
        _over_n("k1", "one token a step (k = 1)", lengths, 1, 0),
        _over_n("k2", "two tokens a step (k = 2)", lengths, 2, 0),
        _over_n("kn", "all at once (k = n)", lengths, None, 0),
        _over_n("kn_tau1", "all at once, tokens drawn (k = n, τ = 1)", lengths, None, 1),
        Panel(
            "threshold",
            f"threshold γ, n = {threshold_n}",
            "gamma",
            tuple(Cell.threshold(task, threshold_n, gamma, 0) for task in PAPER_TASKS for gamma in gammas),
        ),
    )


def _over_n(name: str, title: str, lengths: Sequence[int], k: int | None, temperature: int) -> Panel:
    cells = [
        Cell.fixed(task, n, "confidence", k or n, temperature)
        for task in PAPER_TASKS
        for n in lengths
        if (k or n) <= n
    ]
    return Panel(name, title, "n", tuple(cells))


def general_cells(lengths: Sequence[int] = LENGTHS) -> list[Cell]:
    """The closed forms where answers are open: any k, both orders and temperatures, thresholds.

    k = 3, 4 and 5 divide some n and not others; k = 1 is right by any order, and in the panels.
    Thresholds: from the paper, below 0.5, and exactly at the confidences that occur (there tie
    noise decides).
    """
    found = []
    for task in _OPEN:
        for n in lengths:
            found += [
                Cell.fixed(task, n, order, k, tau)
                for k in sorted({k for k in (2, 3, 4, 5, n) if k <= n})
                for order in ("random", "confidence")
                for tau in (0, 1)
            ]
            exact = 1 - 1 / n if task == "replace_random" else 1 / 3
            gammas = sorted({0.28, 0.45, 0.5, 0.6, 0.8, 0.9, exact})
            found += [Cell.threshold(task, n, gamma, tau) for gamma in gammas for tau in (0, 1)]
    return found
