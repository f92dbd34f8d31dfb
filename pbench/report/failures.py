"""How answers fail, counted by run point and task: which errors grow with parallelism.

Reads the texts in score files and, for lists, the questions in the generations behind them; never
traces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from pbench.artifacts import read_columns
from pbench.errors import ArtifactError
from pbench.report.answers import generations_of
from pbench.report.build import Report
from pbench.report.decoding_order import heats_of
from pbench.report.failure_kinds import KINDS, LIST_METRICS, ListQuestion, failure
from pbench.report.findings import FailureRow, Findings
from pbench.report.gaps import gaps_of
from pbench.report.points import Point

__all__ = ["MOST_FILES", "failures_of", "findings_of"]

MOST_FILES = 200  # opened for a page; a larger grid has its failures counted only where asked for
_SCORES = ("sample_id", "task", "status", "output_text", "metric", "headline", "scores")


def findings_of(report: Report) -> Findings:
    """What the page shows beside scores; of a grid of more than MOST_FILES files the task map alone.

    Failures that were asked for are those that were counted then.
    """
    counted = report.extras.findings
    if sum(len(point.files) for point in report.points) > MOST_FILES:
        return counted or Findings(task_map=report.task_map)
    gaps, _ = gaps_of(report)
    return replace(counted or failures_of(report), heats=tuple(heats_of(report)), gaps=tuple(gaps))


def failures_of(report: Report) -> Findings:
    """The failures of all answers of all run points, and the task map.

    Answers that were not decoded do not count; nor do lists whose generations are not there any
    more: `notes` says so.
    """
    rows: list[FailureRow] = []
    kind_of: dict[tuple[str, str], str] = {}
    notes: list[str] = []
    for point in report.points:
        own, missing = _kinds(point)
        notes += missing
        rows += _count(point, own)
        kind_of |= {(point.settings.id, sample): kind for _, sample, kind in own if kind is not None}
    return Findings(report.task_map, KINDS, tuple(rows), kind_of, tuple(notes))


def _count(point: Point, kinds: Sequence[tuple[str, str, str | None]]) -> list[FailureRow]:
    answers = Counter(task for task, _, _ in kinds)
    failed: dict[str, Counter[str]] = {task: Counter() for task in answers}
    for task, _, kind in kinds:
        if kind is not None:
            failed[task][kind] += 1
    return [
        FailureRow(point.settings.id, task, answers[task], dict(failed[task]))
        for task in point.tasks
        if task in answers
    ]


def _kinds(point: Point) -> tuple[list[tuple[str, str, str | None]], list[str]]:
    """(task, sample id, kind or None) of the decoded answers of a point, each once; and what is missing."""
    found: dict[str, tuple[str, str, str | None]] = {}
    notes = []
    for file in map(Path, point.files):
        rows = read_columns(file, "scores", _SCORES).to_pylist()
        questions: Mapping[str, ListQuestion] | None = {}
        if any(row["metric"] in LIST_METRICS for row in rows):
            questions, why = _questions(file)
            notes += [why] if why else []
        for row in rows:
            told = questions is not None or row["metric"] not in LIST_METRICS
            if row["status"] != "error" and told:
                kind = _kind(row, (questions or {}).get(row["sample_id"]))
                found.setdefault(row["sample_id"], (row["task"], row["sample_id"], kind))
    return list(found.values()), notes


def _kind(row: Mapping[str, Any], question: ListQuestion | None) -> str | None:
    return failure(row["metric"], row["output_text"], dict(row["scores"]), row["headline"], question)


def _questions(scores: Path) -> tuple[dict[str, ListQuestion] | None, str | None]:
    """The list questions behind a score file by sample id, or None with the reason."""
    try:
        path = generations_of(scores)
        rows = read_columns(path, "generations", ("sample_id", "metric", "answer", "messages")).to_pylist()
    except ArtifactError as error:
        return None, f"failures of lists not counted: {error}"
    return {
        row["sample_id"]: ListQuestion.of(
            row["metric"], orjson.loads(row["answer"]), row["messages"][-1]["content"]
        )
        for row in rows
        if row["metric"] in LIST_METRICS
    }, None
