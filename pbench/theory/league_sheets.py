"""The league as tables: where each sampler stands, and all its settings."""

from __future__ import annotations

from pbench.theory.league import OPEN_TASKS, League, Point, Standing
from pbench.theory.sheets import NONE, Sheet, interval, percent

__all__ = ["GOOD", "league_sheets"]

GOOD = (0.99, 0.8)
"""Accuracies at which the fastest setting is looked for."""


def league_sheets(league: League) -> list[Sheet]:
    """Standings, best first (by speed at the highest accuracy of `GOOD`), then every setting."""
    ranked = sorted(league.standings, key=_rank)
    where = f"n = {league.n}, τ = {league.temperature:g}, {league.samples} samples a task"
    return [
        Sheet(
            f"Tokens per step on the open tasks ({', '.join(OPEN_TASKS)}); {where}",
            ("sampler", *(f"at ≥ {100 * level:g} %" for level in GOOD), "setting", "one answer",
             "per-sample optimum", "its accuracy, %", "gap"),
            tuple(_standing_row(standing) for standing in ranked),
        ),
        Sheet(
            f"Every setting; accuracy in percent, mean of the open tasks; {where}",
            ("sampler", "setting", "tokens/step", "accuracy (95 %)", "2^-L*_T", "accuracy / 2^-L*_T",
             *(f"{task}: accuracy @ tokens/step" for task in OPEN_TASKS)),
            tuple(_point_row(point) for standing in ranked for point in standing.points),
        ),
    ]  # fmt: skip


def _fastest(standing: Standing, level: float) -> Point | None:
    """The fastest setting with at least this accuracy; of equal ones the first."""
    good = [point for point in standing.points if point.accuracy.mean >= level]
    return max(good, key=lambda point: point.tokens_per_step, default=None)


def _rank(standing: Standing) -> tuple[float, ...]:
    found = [_fastest(standing, level) for level in GOOD]
    return tuple(0.0 if point is None else -point.tokens_per_step for point in found)


def _standing_row(standing: Standing) -> tuple[str, ...]:
    best = [_fastest(standing, level) for level in GOOD]
    first = best[0]
    return (
        standing.sampler,
        *(NONE if point is None else f"{point.tokens_per_step:.2f}" for point in best),
        NONE if first is None else first.setting,
        f"{max(point.fixed[1] for point in standing.points):.2f}",
        f"{standing.optimum_speed:.2f}",
        percent(standing.optimum),
        NONE if standing.gap is None else f"{standing.gap:.2f}",
    )


def _point_row(point: Point) -> tuple[str, ...]:
    tasks = (point.outcomes[task] for task in OPEN_TASKS)
    return (
        point.sampler,
        point.setting,
        f"{point.tokens_per_step:.2f}",
        interval(point.accuracy),
        percent(point.bound),
        f"{point.accuracy.mean / point.bound:.2f}",
        *(f"{percent(float(one.right.mean()))} @ {one.speed.mean():.2f}" for one in tasks),
    )
