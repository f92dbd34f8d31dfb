"""Where the tasks lie: how well they can be decoded in parallel, and in which order they go better.

Both numbers are of single curves (one model, one static sampler) and averaged over them; a curve
is only taken if it was measured at all the settings that the others were, for it would be another
number over fewer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pbench.config import content_hash
from pbench.report.cells import Cells
from pbench.report.findings import TaskPlace
from pbench.report.points import Point, Settings

__all__ = ["STATIC_SAMPLERS", "order_preference", "parallelizability", "task_map"]

STATIC_SAMPLERS = ("random", "left-to-right", "confidence", "margin", "entropy")
_ORDER_K = 2  # the number of tokens a step at which block lengths are compared


class _Measured(NamedTuple):
    """The score of a task at one point: `curve` names what k and block length leave fixed."""

    curve: str
    k: int
    block_length: int
    any_order: bool
    score: float


def parallelizability(scores: Mapping[int, float]) -> float | None:
    """Centre of mass of scores over k: sum k * score / sum score; None if all scores are 0."""
    total = sum(scores.values())
    return sum(k * score for k, score in scores.items()) / total if total else None


def order_preference(scores: Mapping[int, float]) -> float | None:
    """Minus the slope of the line through score against log2(block length); None for under two lengths."""
    if len(scores) < 2:
        return None
    slope = np.polyfit(np.log2(list(scores)), list(scores.values()), 1)[0]
    return -float(slope) + 0.0  # no minus zero


def task_map(points: Sequence[Point], cells: Cells, tasks: Sequence[str]) -> tuple[TaskPlace, ...]:
    """The place of each task; None with the reason where the runs do not say it."""
    known = [(point, _curve(point.settings)) for point in points if _is_static(point.settings)]
    return tuple(_place(task, _measured(known, cells, task)) for task in tasks)


def _is_static(settings: Settings) -> bool:
    k = settings.params.get("k")
    return settings.sampler in STATIC_SAMPLERS and isinstance(k, int) and k > 0 and k & (k - 1) == 0


def _measured(points: Sequence[tuple[Point, str]], cells: Cells, task: str) -> list[_Measured]:
    """Scores of a task at points, each with the name of its curve."""
    found = []
    for point, curve in points:
        stats = point.tasks.get(task)
        if stats is None or stats.score is None:
            continue
        length = int(cells.rows.gen_length[cells.slices[point.settings.id, task]].max())
        block = point.settings.block_length
        resolved = min(block, length) if isinstance(block, int) else length
        found.append(
            _Measured(curve, int(point.settings.params["k"]), resolved, resolved == length, stats.score)
        )
    return found


def _curve(settings: Settings) -> str:
    fixed = {name: getattr(settings, name) for name in settings.__dataclass_fields__}
    fixed["params"] = {name: value for name, value in settings.params.items() if name != "k"}
    del fixed["block_length"]
    return content_hash(fixed)


def _place(task: str, measured: Sequence[_Measured]) -> TaskPlace:
    over_k = _full([(one.curve, one.k, one.score) for one in measured if one.any_order])
    over_blocks = _full(
        [
            (one.curve, one.block_length, one.score)
            for one in measured
            if one.k == _ORDER_K and one.block_length >= 2
        ]
    )
    centre = _mean([parallelizability(curve) for curve in over_k])
    order = _mean([order_preference(curve) for curve in over_blocks])
    reasons = []
    if centre is None:
        reasons.append(
            "all scores are 0" if over_k else "no static sampler with two values of k and block_length full"
        )
    if order is None:
        reasons.append(f"no static sampler at k={_ORDER_K} with two block lengths")
    return TaskPlace(task, centre, order, "; ".join(reasons) or None)


def _full(values: Sequence[tuple[str, int, float]]) -> list[dict[int, float]]:
    """The curves (setting -> score) of (curve, setting, score) that have all settings, two at least."""
    curves: dict[str, dict[int, float]] = {}
    for curve, setting, score in values:
        curves.setdefault(curve, {})[setting] = score
    most = {setting for curve in curves.values() for setting in curve}
    return [curve for curve in curves.values() if len(curve) == len(most) > 1]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
