"""The means of a scores file, task by task and over the tasks, with n and 95 % intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pbench.artifacts import read_columns, read_manifest
from pbench.metrics.intervals import Interval, macro_interval, mean_interval

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
    intervals: dict[str, Interval] = {}
    for task, values in rows.items():
        headline = headlines[task]
        known = _known(values, headline)
        if known:
            intervals[task] = mean_interval(known)
        tasks[task] = {
            "n": len(known),
            **_numbers(intervals.get(task)),
            "headline": headline,
            "unscored": len(values) - len(known),
            **_further(values, headline),
        }
    run = {
        "path": str(path),
        "status": manifest["status"],
        "grammar_checker": manifest.get("grammar_checker"),
        "tasks": tasks,
        "overall": _overall(tasks, intervals),
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


def _overall(tasks: dict[str, dict[str, Any]], intervals: dict[str, Interval]) -> dict[str, Any]:
    """The unweighted mean over tasks; null if one of them has no value at all."""
    complete = bool(tasks) and len(intervals) == len(tasks)
    return {
        "n": sum(task["n"] for task in tasks.values()),
        **_numbers(macro_interval(list(intervals.values())) if complete else None),
        "tasks": len(tasks),
        "unscored": sum(task["unscored"] for task in tasks.values()),
    }
