"""The paper's summary table for any n: total correlation, its limit, accuracy of an ideal model.

Closed forms only, no torch. `top-k` takes the k most confident proposals a step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pbench.errors import UsageError
from pbench.theory.accuracy import Order, schedule_accuracy, threshold_accuracy
from pbench.theory.bounds import sizes_of, total_correlation
from pbench.theory.cells import Cell
from pbench.theory.tasks import FIXED, get_task

__all__ = [
    "CHECK_SAMPLES",
    "FEW_SAMPLES",
    "GAMMAS",
    "LIMITS",
    "MOST_N",
    "PAPER_TASKS",
    "Row",
    "cells_of",
    "table1",
]

PAPER_TASKS = ("copy", "replace_index", "replace_random", "shuffle")
GAMMAS = (0.6, 0.7, 0.8, 0.9, 1.0)
LIMITS: dict[str, float | None] = {
    "copy": 0.0,
    "replace_index": 0.0,
    "replace_random": math.log2(math.e),
    "shuffle": None,  # n log2 n - log2 n! grows like n log2 e
}
MOST_N = 256
CHECK_SAMPLES = 150
FEW_SAMPLES = 50  # of tasks with one right answer
_KS = ("1", "2", "n")


@dataclass(frozen=True, slots=True)
class Row:
    """One task at one n; accuracies in 0..1, None where n has no such k. Bits; `limit` None: unbounded."""

    task: str
    total_correlation: float
    limit: float | None
    topk: dict[str, float | None]
    topk_tau1: dict[str, float | None]
    random_tau1: dict[str, float | None]
    threshold: dict[float, float]
    threshold_tau1: dict[float, float]

    def payload(self) -> dict[str, Any]:
        """As JSON has it; accuracies at gammas as lists, for a key must be text."""

        def listed(accuracies: dict[float, float]) -> list[dict[str, float]]:
            return [{"gamma": gamma, "accuracy": value} for gamma, value in accuracies.items()]

        return {
            "task": self.task,
            "total_correlation": self.total_correlation,
            "limit": self.limit,
            "topk": self.topk,
            "topk_tau1": self.topk_tau1,
            "random_tau1": self.random_tau1,
            "threshold": listed(self.threshold),
            "threshold_tau1": listed(self.threshold_tau1),
        }


def table1(n: int, gammas: Sequence[float] = GAMMAS) -> list[Row]:
    """The rows for lists of n items; UsageError for an n or a gamma that cannot be."""
    check_n(n)
    return [_row(task, n, check_gammas(gammas)) for task in PAPER_TASKS]


def check_n(n: int) -> None:
    """UsageError unless the closed forms are computed for this n."""
    if not 1 <= n <= MOST_N:
        raise UsageError(f"--n {n}: closed forms are computed for n = 1 to {MOST_N}")


def check_gammas(gammas: Sequence[float]) -> list[float]:
    """Each threshold once; UsageError for one that cannot be."""
    wrong = [gamma for gamma in gammas if not 0 <= gamma <= 2]
    if wrong:
        raise UsageError(f"--gamma {wrong[0]:g}: a threshold is 0 to 2 (above 1: one token a step)")
    return list(dict.fromkeys(gammas))


def _row(task: str, n: int, gammas: Sequence[float]) -> Row:
    return Row(
        task=task,
        total_correlation=total_correlation(get_task(task), n),
        limit=LIMITS[task],
        topk={k: _by_k(task, n, k, "confidence", 0) for k in _KS},
        topk_tau1={k: _by_k(task, n, k, "confidence", 1) for k in _KS},
        random_tau1={k: _by_k(task, n, k, "random", 1) for k in _KS},
        threshold={gamma: threshold_accuracy(task, n, gamma, 0) for gamma in gammas},
        threshold_tau1={gamma: threshold_accuracy(task, n, gamma, 1) for gamma in gammas},
    )


def _by_k(task: str, n: int, k: str, order: Order, temperature: int) -> float | None:
    size = n if k == "n" else int(k)
    if size > n:
        return None
    return schedule_accuracy(task, sizes_of(n, size), order, temperature)


def cells_of(n: int, gammas: Sequence[float] = GAMMAS) -> list[Cell]:
    """Every accuracy of the table as something that can be simulated."""
    check_n(n)
    sizes = sorted({size for size in (1, 2, n) if size <= n})
    found = []
    for task in PAPER_TASKS:
        for temperature in (0, 1):
            orders: tuple[Order, ...] = ("confidence", "random") if task not in FIXED else ("confidence",)
            found += [Cell.fixed(task, n, order, k, temperature) for order in orders for k in sizes]
            found += [Cell.threshold(task, n, gamma, temperature) for gamma in check_gammas(gammas)]
    return found
