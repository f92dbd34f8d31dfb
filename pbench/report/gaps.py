"""The dependency gap by run point and task: what tokens that were unmasked together say of each other.

Reads the generations of runs that were decoded with `--measure-gap`. An answer's gap is the sum
over its steps of log2 p(tokens of the step, one after the other) - log2 p(each by itself), in bits:
0 where tokens of a step do not matter to each other, far below 0 where they contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pbench.artifacts import read_columns, read_manifest
from pbench.errors import ArtifactError
from pbench.metrics.bootstrap import interval, resampled_means
from pbench.records import TraceEvent
from pbench.report.answers import generations_of, read_judged
from pbench.report.build import Report
from pbench.report.points import Point
from pbench.traces import gap_of_steps

__all__ = ["AnswerGap", "GapRow", "gap_row", "gaps_of"]

_COLUMNS = ("sample_id", "task", "status", "gap", "nfe_gap", "trace")


@dataclass(frozen=True, slots=True)
class AnswerGap:
    """One answer: bits in all (None = unknown), by number of commits of each step, extra passes, score."""

    bits: float | None
    steps: tuple[tuple[int, float], ...]
    passes: int
    value: float | None


@dataclass(frozen=True, slots=True)
class GapRow:
    """Mean bits of the `n` measured answers to a task at a point (by settings id), `ci95` by bootstrap.

    `right` and `wrong` are the means of answers with the score 1 and 0 (None without one); `sizes`
    has for each number of tokens in a step how many such steps there were and their mean bits;
    `passes` are the mean forward passes that measuring took; `unknown` answers have no number.
    """

    point: str
    task: str
    n: int
    bits: float | None
    ci95: tuple[float, float] | None
    right: float | None
    wrong: float | None
    n_right: int
    n_wrong: int
    passes: float
    unknown: int
    sizes: Mapping[int, tuple[int, float]] = field(default_factory=dict)


def gaps_of(report: Report) -> tuple[list[GapRow], list[str]]:
    """A row a point and task that was measured, and notes on generations that are not there any more."""
    rows: list[GapRow] = []
    notes: list[str] = []
    for point in report.points:
        answers, missing = _answers(report, point)
        notes += missing
        rows += [gap_row(point.settings.id, task, answers[task]) for task in point.tasks if task in answers]
    return rows, notes


def gap_row(point: str, task: str, answers: Sequence[AnswerGap]) -> GapRow:
    """The row of a task at a point."""
    known = [one for one in answers if one.bits is not None]
    bits = np.array([one.bits for one in known], dtype=np.float64)
    right = [one.bits or 0.0 for one in known if one.value is not None and one.value >= 1]
    wrong = [one.bits or 0.0 for one in known if one.value is not None and one.value <= 0]
    return GapRow(
        point=point,
        task=task,
        n=len(known),
        bits=_mean(bits),
        ci95=interval(resampled_means(bits, task)) if len(known) else None,
        right=_mean(right),
        wrong=_mean(wrong),
        n_right=len(right),
        n_wrong=len(wrong),
        passes=float(np.mean([one.passes for one in answers])),
        unknown=len(answers) - len(known),
        sizes=_by_size(known),
    )


def _mean(values: Sequence[float] | np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _by_size(answers: Iterable[AnswerGap]) -> dict[int, tuple[int, float]]:
    sizes: dict[int, list[float]] = {}
    for answer in answers:
        for size, bits in answer.steps:
            sizes.setdefault(size, []).append(bits)
    return {size: (len(found), float(np.mean(found))) for size, found in sorted(sizes.items())}


def _answers(report: Report, point: Point) -> tuple[dict[str, list[AnswerGap]], list[str]]:
    """The measured answers of a point by task, each sample once."""
    found: dict[str, tuple[str, AnswerGap]] = {}
    notes = []
    for file in map(Path, point.files):
        if not read_manifest(file)["run"].get("gaps"):
            continue
        try:
            rows = read_columns(generations_of(file), "generations", _COLUMNS).to_pylist()
        except ArtifactError as error:
            notes.append(f"dependency gap unknown: {error}")
            continue
        values = {one.sample_id: one.value for one in read_judged(file, report.headline)}
        for row in rows:
            if row["gap"] is not None and row["status"] != "error":
                one = _answer(row, values.get(row["sample_id"]))
                found.setdefault(row["sample_id"], (row["task"], one))
    tasks: dict[str, list[AnswerGap]] = {}
    for task, one in found.values():
        tasks.setdefault(task, []).append(one)
    return tasks, notes


def _answer(row: Mapping[str, Any], value: float | None) -> AnswerGap:
    events = [TraceEvent(e["step"], e["position"], e["token_id"], 0.0, e["event"]) for e in row["trace"]]
    steps = gap_of_steps(events, row["gap"])
    known = [bits for bits in steps.values() if bits is not None]
    sizes = dict.fromkeys(steps, 0)
    for event in events:
        if event.event == "commit":
            sizes[event.step] += 1
    whole = sum(known) if len(known) == len(steps) else None
    sized = tuple((sizes[step], bits) for step, bits in steps.items() if bits is not None)
    return AnswerGap(whole, sized, row["nfe_gap"] or 0, value)
