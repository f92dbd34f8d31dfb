"""The speed-quality frontier: points that no other point beats in both."""

from __future__ import annotations

from collections.abc import Sequence

from pbench.report.points import Point

__all__ = ["frontier", "non_dominated"]


def non_dominated(pairs: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the pairs (speed, quality) that none dominates, from slow to fast.

    A pair is dominated if another one is at least as good in both and better in one; equal pairs
    all stay.
    """
    best, stay = float("-inf"), []
    order = sorted(range(len(pairs)), key=lambda i: (-pairs[i][0], -pairs[i][1]))
    last: tuple[float, float] | None = None
    for i in order:
        if pairs[i][1] > best or pairs[i] == last:
            stay.append(i)
            best, last = pairs[i][1], pairs[i]
    return stay[::-1]


def frontier(points: Sequence[Point]) -> list[Point]:
    """Points of one model whose overall score and speed are not dominated, from slow to fast.

    Only points that average the most tasks take part: a mean over fewer tasks is another number.
    """
    known = [
        (point, point.overall.tokens_per_step, point.overall.score, point.overall.tasks)
        for point in points
        if point.overall is not None
    ]
    most = max((tasks for *_, tasks in known), default=0)
    measured = [
        (point, (speed, score))
        for point, speed, score, tasks in known
        if tasks == most and speed and score is not None
    ]
    return [measured[i][0] for i in non_dominated([pair for _, pair in measured])]
