"""Numbers that others published, in the public leaderboard's form, as run points beside ours.

A folder `data/` with `metadata.json` (models, strategies, tasks), `figures/<model>/<strategy>.csv`
(columns task, tps, accuracy) and `leaderboard/<model>.json`. The rows of a task are sorted by speed,
so that they cannot be put together across tasks: the rows named `avg`, means of each setting over
all tasks, are the run points. PBx is worked out from them.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from pbench.errors import ArtifactError
from pbench.report.pbx import Pbx, pbx
from pbench.report.points import Point, Settings, Stats, SuiteTasks
from pbench.report.series import Series
from pbench.report.sweeps import usual_parameter

__all__ = [
    "MEAN_ROW",
    "SITE_NAMES",
    "Published",
    "PublishedRow",
    "data_folder",
    "our_sampler",
    "read_published",
]

MEAN_ROW = "avg"
_COLUMNS = ("task", "tps", "accuracy")
# Our samplers under the names of the public leaderboard, where they differ.
SITE_NAMES = {
    "left-to-right": "l2r",
    "confidence": "confidence-topk",
    "entropy": "entropy-topk",
    "margin": "topk-margin",
    "threshold": "confidence-threshold",
    "factor": "confidence-factor",
    "entropy-bounded": "confidence-eb",
    "dilated": "dus",
}
_OURS = {site: ours for ours, site in SITE_NAMES.items()}


class PublishedRow(NamedTuple):
    """One line of a figure: a task (or `avg`), tokens per step and a score in 0..1."""

    task: str
    speed: float
    score: float


@dataclass(frozen=True)
class Published:
    """One strategy of one model, under its published ids, with the labels that go with them.

    `rows` are all lines of its figure; `pbx` is worked out from the `avg` ones.
    """

    model: str
    label: str
    sampler: str
    sampler_label: str
    rows: tuple[PublishedRow, ...]
    pbx: Pbx

    @property
    def points(self) -> tuple[Point, ...]:
        """The settings' means, from slow to fast."""
        return self.pbx.series.points


def read_published(path: Path) -> list[Published]:
    """The published strategies in a folder of this form, or in one figure (`<model>/<strategy>.csv`).

    Models and strategies in the order of metadata.json, those that it does not name after them.
    Accuracies above 1 anywhere mean that all are in percent. ArtifactError for what is missing or
    cannot be read, with file and line.
    """
    folder = data_folder(path)
    figures = [path] if path.is_file() else sorted((folder / "figures").glob("*/*.csv"))
    if not figures:
        raise ArtifactError(
            f"{path}: no figures/<model>/<strategy>.csv below it; name the leaderboard's folder or its data/"
        )
    metadata = _metadata(folder / "metadata.json")
    models, samplers = _labels(metadata.get("models")), _labels(metadata.get("strategies"))
    found = {figure: _rows(figure) for figure in figures}
    percent = any(row.score > 1.0 for rows in found.values() for row in rows)
    ranks = [{name: rank for rank, name in enumerate(labels)} for labels in (models, samplers)]
    ordered = sorted(
        found,
        key=lambda f: (ranks[0].get(f.parent.name, math.inf), f.parent.name, ranks[1].get(f.stem, math.inf)),
    )
    return [
        _published(figure, found[figure], 100.0 if percent else 1.0, models, samplers) for figure in ordered
    ]


def data_folder(path: Path) -> Path:
    """Where metadata.json and figures/ lie: `path`, or its data/."""
    if not path.exists():
        raise ArtifactError(f"{path}: no such file or folder; name the leaderboard's folder or its data/")
    inner = path / "data"
    return inner if (inner / "figures").is_dir() else path


def _published(
    figure: Path,
    rows: Iterable[PublishedRow],
    unit: float,
    models: Mapping[str, str],
    samplers: Mapping[str, str],
) -> Published:
    model, sampler = figure.parent.name, figure.stem
    scaled = tuple(row._replace(score=row.score / unit) for row in rows)
    tasks = len({row.task for row in scaled} - {MEAN_ROW})
    means = sorted((row.speed, row.score) for row in scaled if row.task == MEAN_ROW)
    if not means:
        raise ArtifactError(f"{figure}: no rows of task {MEAN_ROW}, so there are no run points in it")
    points = tuple(_point(model, sampler, i, speed, score, tasks) for i, (speed, score) in enumerate(means))
    series = Series(model, sampler, usual_parameter(our_sampler(sampler)), "published", points)
    return Published(
        model=model,
        label=models.get(model, model),
        sampler=sampler,
        sampler_label=samplers.get(sampler, sampler),
        rows=scaled,
        pbx=pbx(series, SuiteTasks("published", ())),
    )


def our_sampler(sampler: str) -> str:
    """Our name of a published sampler; what write_site adds to an id (`-cache-dual`) does not count."""
    known = [site for site in _OURS if sampler == site or sampler.startswith(f"{site}-")]
    return _OURS[max(known, key=len)] if known else sampler


def _point(model: str, sampler: str, number: int, speed: float, score: float, tasks: int) -> Point:
    """A mean over all tasks; how many samples, steps and seconds stand behind it was not published."""
    settings = Settings(
        model=model,
        model_id="published",
        sampler=sampler,
        params={},
        block_length=None,
        cache="none",
        temperature=0.0,
        compat=None,
        dtype=None,
        infill=False,
        labels={"published": str(number)},
    )
    overall = Stats(0, 0, 0, score, None, None, speed, None, None, None, tasks=tasks)
    return Point(settings, {}, {}, overall, (), (), (), (), np.zeros(0))


def _rows(figure: Path) -> list[PublishedRow]:
    try:
        text = figure.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{figure}: cannot be read: {error}") from None
    reader = csv.DictReader(text.splitlines())
    if not set(_COLUMNS) <= set(reader.fieldnames or ()):
        raise ArtifactError(f"{figure}: its columns are {reader.fieldnames}; expected {', '.join(_COLUMNS)}")
    rows = []
    for line in reader:
        try:
            row = PublishedRow(str(line["task"]), float(line["tps"]), float(line["accuracy"]))
        except (TypeError, ValueError):
            raise ArtifactError(f"{figure}:{reader.line_num}: tps and accuracy are no numbers") from None
        if not (math.isfinite(row.speed) and row.speed > 0 and math.isfinite(row.score) and row.score >= 0):
            raise ArtifactError(f"{figure}:{reader.line_num}: tps {row.speed:g}, accuracy {row.score:g}")
        rows.append(row)
    return rows


def _metadata(path: Path) -> dict[str, Any]:
    """The metadata; empty without the file, which names things but is needed for no number."""
    if not path.is_file():
        return {}
    try:
        found = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ArtifactError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ArtifactError(f"{path}: expected an object with models, strategies and tasks")
    return found


def _labels(entries: Any) -> dict[str, str]:
    """Id -> label of a list of ids or objects, or of an object by id."""
    if isinstance(entries, dict):
        return {str(name): _label(entry, str(name)) for name, entry in entries.items()}
    found = {}
    for entry in entries if isinstance(entries, list) else ():
        name = str(entry.get("id", entry.get("name"))) if isinstance(entry, dict) else str(entry)
        found[name] = _label(entry, name)
    return found


def _label(entry: Any, name: str) -> str:
    if isinstance(entry, dict):
        known = (entry.get(key) for key in ("label", "display_name", "displayName", "name"))
        return str(next((label for label in known if label), name))
    return str(entry)
