"""The means of a scores file, task by task and over the tasks, with n and 95 % intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pbench.artifacts import read_columns, read_manifest
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
    table = read_columns(path, "scores", ["task", "headline", "scores"])
    rows: dict[str, list[dict[str, float | None]]] = {}
    headlines: dict[str, str] = {}
    for row in table.to_pylist():
        rows.setdefault(row["task"], []).append(dict(row["scores"]))
        headlines[row["task"]] = row["headline"]
    tasks: dict[str, dict[str, Any]] = {}
    headline_values: dict[str, list[float]] = {}
    for task, values in rows.items():
        headline = headlines[task]
        known = _known(values, headline)
        if known:
            headline_values[task] = known
        tasks[task] = {
            "n": len(known),
            **_numbers(mean_interval(known) if known else None),
            "headline": headline,
            "unscored": len(values) - len(known),
            **_further(values, headline),
        }
    run = {
        "path": str(path),
        "status": manifest["status"],
        "grammar_checker": manifest.get("grammar_checker"),
        "tasks": tasks,
        "overall": _overall(tasks, headline_values),
    }
    return {"runs": [run]}


def _known(rows: list[dict[str, float | None]], name: str) -> list[float]:
    return [value for row in rows if (value := row.get(name)) is not None]


def _numbers(interval: Interval | None) -> dict[str, Any]:
    if interval is None:
        return {"score": None, "ci95": None}
    return {"score": interval.mean, "ci95": [interval.low, interval.high]}


def _further(rows: list[dict[str, float | None]], headline: str) -> dict[str, float | None]:
    """Means of all values but the headline."""
    names = {name: None for row in rows for name in row if name != headline}
    means: dict[str, float | None] = {}
    for name in names:
        known = _known(rows, name)
        means["combined" if name == "score" else name] = sum(known) / len(known) if known else None
    return means


def _overall(tasks: dict[str, dict[str, Any]], values: dict[str, list[float]]) -> dict[str, Any]:
    """The unweighted mean over tasks, bootstrap within tasks; null if one of them has no value."""
    complete = bool(tasks) and len(values) == len(tasks)
    return {
        "n": sum(task["n"] for task in tasks.values()),
        **_numbers(_mean_over_tasks(values) if complete else None),
        "tasks": len(tasks),
        "unscored": sum(task["unscored"] for task in tasks.values()),
    }


def _mean_over_tasks(values: dict[str, list[float]]) -> Interval:
    """Each task counts once; a single task keeps its own interval."""
    if len(values) == 1:
        return mean_interval(*values.values())
    draws = [resampled_means(np.asarray(known), task) for task, known in values.items()]
    mean = sum(sum(known) / len(known) for known in values.values()) / len(values)
    return Interval(mean, *interval(np.mean(draws, axis=0)))
