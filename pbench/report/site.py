"""The report in the public leaderboard's form: metadata.json, figures and leaderboard below `data/`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from pbench.artifacts import atomic_text
from pbench.report.build import Report
from pbench.report.formats import clean, csv_text
from pbench.report.pbx import THRESHOLDS, Pbx
from pbench.report.published import MEAN_ROW, SITE_NAMES
from pbench.report.series import Series
from pbench.report.tables import short_names

__all__ = ["site_files", "write_site"]

_LONGEST = 100  # characters of an id, which is the name of a file
_COLUMNS = ("task", "tps", "accuracy")


def write_site(report: Report, folder: Path) -> Path:
    """Write the files below `folder`/data, metadata last, and return its path."""
    for name, text in site_files(report).items():
        atomic_text(folder / name, text)
    return folder / "data" / "metadata.json"


def site_files(report: Report) -> dict[str, str]:
    """Path below the folder -> content; metadata.json comes last.

    Accuracies are in percent, rows of a task sorted by speed; `avg` rows are there for settings that
    have all tasks of the suite, and never reached is 0.0, as on the site.
    """
    models = _ids(list(dict.fromkeys(series.model for series in report.series)))
    strategies = _ids(list(dict.fromkeys(map(_strategy, report.series))))
    files = {}
    for model, model_id in models.items():
        own = [row for row in report.pbx if row.series.model == model]
        for row in own:
            name = f"data/figures/{model_id}/{strategies[_strategy(row.series)]}.csv"
            files[name] = csv_text(_COLUMNS, _figure(report, row.series))
        results = {strategies[_strategy(row.series)]: _leaderboard(row) for row in own}
        files[f"data/leaderboard/{model_id}.json"] = _json(
            {"model": model_id, "thresholds": list(THRESHOLDS), "results": results}
        )
    files["data/metadata.json"] = _json(
        {
            "models": [{"id": own, "label": clean(name)} for name, own in models.items()],
            "strategies": [{"id": own, "label": clean(name)} for name, own in strategies.items()],
            "tasks": [
                {"id": task, "label": clean(name), "category": report.tasks[task].category}
                for task, name in short_names(report.tasks).items()
            ],
        }
    )
    return files


def _strategy(series: Series) -> str:
    """The sampler as the site calls it, with what else is fixed."""
    name = SITE_NAMES.get(series.sampler_name, series.sampler_name)
    return f"{name} {series.settings}".strip()


def _figure(report: Report, series: Series) -> list[tuple[str, float, float]]:
    rows = []
    for task in report.tasks:
        found = [point.tasks[task] for point in series.points if task in point.tasks]
        rows += [
            (task, own.tokens_per_step, 100 * own.score)
            for own in sorted(found, key=lambda own: own.tokens_per_step or 0.0)
            if own.score is not None and own.tokens_per_step is not None
        ]
    means = [point.overall for point in series.points if point.complete and point.overall]
    rows += [
        (MEAN_ROW, mean.tokens_per_step, 100 * mean.score)
        for mean in sorted(means, key=lambda mean: mean.tokens_per_step or 0.0)
        if mean.score is not None and mean.tokens_per_step is not None
    ]
    return rows


def _leaderboard(row: Pbx) -> dict[str, float]:
    """The definition that the site shows: interpolated for adaptive samplers, else measured."""
    values = row.interpolated if row.series.adaptive else row.measured
    return {str(x): value or 0.0 for x, value in values.items()}


def _ids(names: Sequence[str]) -> dict[str, str]:
    """Names -> ids that are safe as file names, each another one."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9.]+", "-", name)[:_LONGEST].strip("-.") or "unnamed"
        unique, number = plain, 2
        while unique.lower() in taken:
            unique, number = f"{plain}-{number}", number + 1
        taken.add(unique.lower())
        found[name] = unique
    return found


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
