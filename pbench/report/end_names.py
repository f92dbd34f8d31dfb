"""Where the names of a curve's ends go: beside the end, on the side where they hide the least.

Places are in units of the chart: `x` and `y` in pixels, y downwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["SIDES", "End", "sides"]

SIDES = ("right", "above", "left", "below")
_LETTER, _LINE = 6.2, 13.0  # pixels of a character and a line at 11 pixels a letter
_NEAR = 40.0  # equal names nearer than this are one
_TAKEN = 1_000  # worse than hiding any number of points of curves


class End(NamedTuple):
    """One end of a curve and what is to be written beside it."""

    x: float
    y: float
    text: str


class _Box(NamedTuple):
    left: float
    base: float
    wide: float

    def meets(self, other: _Box) -> bool:
        """Whether two lines of text would lie on each other."""
        across = self.left < other.left + other.wide and other.left < self.left + self.wide
        return across and abs(self.base - other.base) < _LINE

    def hides(self, x: float, y: float) -> bool:
        return self.left - 3 < x < self.left + self.wide + 3 and self.base - 11 < y < self.base + 3


def sides(
    ends: Sequence[End], curves: Sequence[Sequence[tuple[float, float]]], width: float
) -> list[str | None]:
    """For each end one of SIDES; None where an equal name is near, or where no side is free.

    `curves` are the corners of all lines, `width` the room from left (0) to right.
    """
    busy = [point for corners in curves for point in _along(corners)]
    taken: list[tuple[End, _Box]] = []
    found: list[str | None] = []
    for end in ends:
        twin = any(own.text == end.text and math.dist(own[:2], end[:2]) < _NEAR for own, _ in taken)
        boxes = {side: _box(end, side) for side in SIDES}
        cost = {side: _cost(box, busy, [box for _, box in taken], width) for side, box in boxes.items()}
        best = min(SIDES, key=cost.__getitem__)
        free = not twin and cost[best] < _TAKEN
        found.append(best if free else None)
        if free:
            taken.append((end, boxes[best]))
    return found


def _box(end: End, side: str) -> _Box:
    wide = _LETTER * len(end.text)
    left = {"right": end.x + 8, "left": end.x - wide - 8}.get(side, end.x - wide / 2)
    base = {"above": end.y - 7, "below": end.y + 17}.get(side, end.y + 4)
    return _Box(left, base, wide)


def _cost(box: _Box, busy: Sequence[tuple[float, float]], taken: Sequence[_Box], width: float) -> int:
    blocked = box.left < 0 or box.left + box.wide > width or any(box.meets(other) for other in taken)
    return _TAKEN * blocked + sum(box.hides(x, y) for x, y in busy)


def _along(corners: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Points on the line through `corners`, a few pixels apart."""
    for (ax, ay), (bx, by) in zip([*corners[:1], *corners[:-1]], corners, strict=True):
        steps = max(1, math.ceil(math.dist((ax, ay), (bx, by)) / 5))
        for n in range(1, steps + 1):
            yield ax + (bx - ax) * n / steps, ay + (by - ay) * n / steps
