"""What the metrics give beside the headline (ROUGE, BLEU, BERTScore, strict values), by task and run point.

The headline of a text task is its grammar alone; these say whether the text is also the one asked
for. They stand in the rows of score files, which a report otherwise does not open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pbench.artifacts import read_columns
from pbench.metrics.intervals import Interval, mean_intervals
from pbench.report.build import Report
from pbench.report.extras import Extras
from pbench.report.files import ScoreFile
from pbench.report.formats import Table
from pbench.report.series import Series
from pbench.report.tables import NONE, share_text, short_names

__all__ = ["MOST_FILES", "MetricValue", "files_with", "metric_extras", "text_tasks"]

MOST_FILES = 200  # opened without being asked
_COLUMNS = ("task", "index", "status", "headline", "scores")
_Place = tuple[str, str, str]  # settings id, task, name of the value


@dataclass(frozen=True, slots=True)
class MetricValue:
    """Mean of one value over the `n` decoded answers of a task that have it, with its 95 % interval."""

    n: int
    share: Interval


def text_tasks(report: Report) -> tuple[str, ...]:
    """The tasks whose headline is only one of the values that their score is made of."""
    return tuple(task for task, info in report.tasks.items() if info.headline not in ("score", ""))


def files_with(report: Report, tasks: Collection[str]) -> list[ScoreFile]:
    """The score files that hold any of `tasks`."""
    every = [file for files in report.cells.files.values() for file in files]
    return [file for file in every if any(task in file.tasks for task in tasks)]


def metric_extras(report: Report, tasks: Collection[str]) -> Extras:
    """The further values of `tasks`: a table a series, `metric_values` in JSON, columns of the CSV.

    ArtifactError for a score file that was damaged since it was found.
    """
    found = _means(_values(report, tasks))
    names = sorted({name for _, _, name in found})
    return Extras(
        tables=tuple(_table(report, series, found) for series in report.series if _has(series, found)),
        data={"metric_values": _data(report, found)},
        columns={
            f"metric_{name}": {
                (point, task): own.share.mean for (point, task, other), own in found.items() if other == name
            }
            for name in names
        },
    )


def _values(report: Report, tasks: Collection[str]) -> dict[_Place, list[float]]:
    """All values but the headline's of the decoded answers to `tasks`, each answer once."""
    found: dict[_Place, dict[int, float]] = {}
    for file in files_with(report, tasks):
        for row in read_columns(file.path, "scores", _COLUMNS).to_pylist():
            if row["status"] == "error" or row["task"] not in tasks:
                continue
            shown = "score" if report.headline == "combined" else row["headline"]
            for name, value in row["scores"]:
                if name != shown and value is not None:
                    place = (file.settings.id, row["task"], name)
                    found.setdefault(place, {})[row["index"]] = value
    return {place: list(own.values()) for place, own in found.items()}


def _means(values: Mapping[_Place, list[float]]) -> dict[_Place, MetricValue]:
    alike: dict[int, list[_Place]] = {}
    for place, own in values.items():
        alike.setdefault(len(own), []).append(place)
    means: dict[_Place, MetricValue] = {}
    for n, places in alike.items():
        shares = mean_intervals(np.array([values[place] for place in places], dtype=np.float64))
        means |= {place: MetricValue(n, share) for place, share in zip(places, shares, strict=True)}
    return {place: means[place] for place in values}


def _has(series: Series, found: Mapping[_Place, MetricValue]) -> bool:
    points = {point.settings.id for point in series.points}
    return any(point in points for point, _, _ in found)


def _table(report: Report, series: Series, found: Mapping[_Place, MetricValue]) -> Table:
    """Values by settings of one series, a section a task."""
    short = short_names(report.tasks)
    identities = [point.settings.id for point in series.points]
    order = {task: number for number, task in enumerate(report.tasks)}
    kinds = sorted(
        {(order[task], task, name) for point, task, name in found if point in identities},
        key=lambda kind: (kind[0], kind[2]),
    )
    rows = tuple(
        (f"{short[task]}: {name}", *(_text(found.get((point, task, name))) for point in identities))
        for _, task, name in kinds
    )
    sizes = Counter(number for number, _, _ in kinds)
    starts = np.cumsum([0, *sizes.values()])[1:-1].tolist()
    return Table(
        title=f"{series.name}: what the metrics give beside the headline, percent (95 % interval)",
        columns=("task: value", *(point.settings.setting for point in series.points)),
        rows=rows,
        sections=frozenset(starts),
    )


def _text(own: MetricValue | None) -> str:
    return NONE if own is None else share_text(own.share.mean, own.share[1:])


def _data(report: Report, found: Mapping[_Place, MetricValue]) -> list[dict[str, Any]]:
    """`point` is the place of the run point in the report's list."""
    places = {point.settings.id: number for number, point in enumerate(report.points)}
    rows = [
        {
            "point": places[point],
            "task": task,
            "name": name,
            "n": own.n,
            "mean": own.share.mean,
            "ci95": [own.share.low, own.share.high],
        }
        for (point, task, name), own in found.items()
    ]
    return sorted(rows, key=lambda row: (row["point"], row["task"], row["name"]))
