"""The means of a scores file, task by task and over the tasks, with n and 95 % intervals."""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pbench.artifacts import read_batches, read_manifest
from pbench.metrics.bootstrap import interval, resampled_means
from pbench.metrics.intervals import Interval, mean_interval

__all__ = ["summarise"]


def summarise(path: Path) -> dict[str, Any]:
    """Means of the scores in `path`: {"runs": [{"path", "status", "tasks", "overall", ...}]}.

    A task has `n` (samples with a headline value), `score` (mean of the headline value), `ci95`,
    `headline` (its name), `unscored`, and the means of the metric's other values under their names;
    the value called `score` is `combined` where it is not the headline. `overall` is the unweighted
    mean over tasks. Numbers are null where no sample has a value. ArtifactError if unreadable.
    """
    manifest = read_manifest(path)
    tasks: dict[str, dict[str, Any]] = {}
    headline_values: dict[str, array[float]] = {}
    for task, read in _read(path).items():
        known = read.values[read.headline]
        if known:
            headline_values[task] = known
        tasks[task] = {
            "n": len(known),
            **_numbers(mean_interval(known) if known else None),
            "headline": read.headline,
            "unscored": read.rows - len(known),
            **_further(read),
        }
    run = {
        "path": str(path),
        "status": manifest["status"],
        "grammar_checker": manifest.get("grammar_checker"),
        "cut": manifest.get("cut", {}),
        "tasks": tasks,
        "overall": _overall(tasks, headline_values),
    }
    return {"runs": [run]}


@dataclass(slots=True)
class _Task:
    """A task's rows, by value name the numbers that are not null: eight bytes each."""

    headline: str = ""
    rows: int = 0
    values: defaultdict[str, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))


def _read(path: Path) -> dict[str, _Task]:
    """The scores of each task, in the order of their first rows."""
    tasks: defaultdict[str, _Task] = defaultdict(_Task)
    for batch in read_batches(path, "scores", ["task", "headline", "scores"]):
        for row in batch.to_pylist():
            task = tasks[row["task"]]
            task.headline = row["headline"]
            task.rows += 1
            for name, value in dict(row["scores"]).items():
                numbers = task.values[name]
                if value is not None:
                    numbers.append(value)
    return tasks


def _numbers(interval: Interval | None) -> dict[str, Any]:
    if interval is None:
        return {"score": None, "ci95": None}
    return {"score": interval.mean, "ci95": [interval.low, interval.high]}


def _further(task: _Task) -> dict[str, float | None]:
    """Means of all values but the headline."""
    means: dict[str, float | None] = {}
    for name, known in task.values.items():
        if name != task.headline:
            means["combined" if name == "score" else name] = sum(known) / len(known) if known else None
    return means


def _overall(tasks: dict[str, dict[str, Any]], values: dict[str, array[float]]) -> dict[str, Any]:
    """The unweighted mean over tasks, bootstrap within tasks; null if one of them has no value."""
    complete = bool(tasks) and len(values) == len(tasks)
    return {
        "n": sum(task["n"] for task in tasks.values()),
        **_numbers(_mean_over_tasks(values) if complete else None),
        "tasks": len(tasks),
        "unscored": sum(task["unscored"] for task in tasks.values()),
    }


def _mean_over_tasks(values: dict[str, array[float]]) -> Interval:
    """Each task counts once; a single task keeps its own interval."""
    if len(values) == 1:
        return mean_interval(*values.values())
    draws = [resampled_means(np.asarray(known), task) for task, known in values.items()]
    mean = sum(sum(known) / len(known) for known in values.values()) / len(values)
    return Interval(mean, *interval(np.mean(draws, axis=0)))
