"""Published curves over our own: which belong to our models and tasks, and which a picture has room for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pbench.report.build import Report
from pbench.report.formats import clean
from pbench.report.frontier import non_dominated
from pbench.report.published import MEAN_ROW, Published, our_sampler
from pbench.report.tables import short_names

__all__ = ["FRONTIER", "Curve", "Overlay", "drawn", "overlays", "own_model"]

Curve = tuple[tuple[float, float], ...]
FRONTIER = "frontier"


@dataclass(frozen=True, slots=True)
class Overlay:
    """One published strategy of one model: (tokens per step, score in 0..1), from slow to fast.

    `sampler` is our name where we have it. `means` are over `mean_tasks` tasks of theirs; `tasks` are
    those of ours that it has, with rows that cannot be put together across tasks.
    """

    model: str
    model_id: str
    sampler: str
    label: str
    mean_tasks: int
    means: Curve
    tasks: Mapping[str, Curve]


def overlays(report: Report) -> list[Overlay]:
    """Every published strategy, in their order."""
    ours = _names(report)
    return [_overlay(one, ours) for one in report.published]


def own_model(report: Report, published: Iterable[Overlay]) -> str | None:
    """The first published model that is one of ours by name, punctuation and case aside."""
    return next((one.model for one in published if _is_ours(one, report)), None)


def drawn(report: Report) -> list[Overlay]:
    """What a picture shows: the strategies of our models; where it has none of them, a frontier a model."""
    found = overlays(report)
    same = [one for one in found if _is_ours(one, report)]
    if same:
        return same
    models = dict.fromkeys(one.model for one in found)
    return [_frontier(model, [one for one in found if one.model == model]) for model in models]


def _overlay(one: Published, ours: Mapping[str, str]) -> Overlay:
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in one.rows:
        task = ours.get(_plain(row.task))
        if row.task != MEAN_ROW and task is not None:
            curves.setdefault(task, []).append((row.speed, row.score))
    means = [(row.speed, row.score) for row in one.rows if row.task == MEAN_ROW]
    return Overlay(
        model=clean(one.label),
        model_id=one.model,
        sampler=our_sampler(one.sampler),
        label=clean(one.sampler_label),
        mean_tasks=max((stats.tasks for point in one.points if (stats := point.overall)), default=0),
        means=tuple(sorted(means)),
        tasks={task: tuple(sorted(curve)) for task, curve in curves.items()},
    )


def _frontier(model: str, strategies: Sequence[Overlay]) -> Overlay:
    """The settings of a model that no other one of it beats in both speed and mean."""
    means = [pair for one in strategies for pair in one.means]
    tasks = max(one.mean_tasks for one in strategies)
    name = strategies[0].model_id
    return Overlay(model, name, FRONTIER, FRONTIER, tasks, tuple(means[i] for i in non_dominated(means)), {})


def _is_ours(one: Overlay, report: Report) -> bool:
    ours = {_plain(series.model) for series in report.series}
    return _plain(one.model) in ours or _plain(one.model_id) in ours


def _names(report: Report) -> dict[str, str]:
    """Plain full and short names -> our task; a short name that several have names none."""
    short = {_plain(name): task for task, name in short_names(report.tasks).items()}
    return short | {_plain(task): task for task in report.tasks}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())
