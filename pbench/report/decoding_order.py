"""In which order answers were unmasked: rank correlations, AR-ness and a heat map, by run point and task.

Reads the generations behind the score files. Means are over the samples that have the number:
an answer that came in one step has no order, one without a trace no AR-ness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pbench.artifacts import read_columns
from pbench.errors import ArtifactError
from pbench.records import Generation
from pbench.report.answers import generations_of, read_generations
from pbench.report.build import Report
from pbench.report.points import Point
from pbench.traces import decoding_order, global_arness, local_arness

__all__ = ["MEASURES", "Heat", "OrderRow", "heat_map", "heats_of", "order_of"]

_STEP_COLUMNS = ("sample_id", "status", "gen_length", "commit_step")
_BINS = 64  # most steps and positions of a heat map
MEASURES = {
    "kendall": "Kendall tau, answer",
    "spearman": "Spearman rho, answer",
    "kendall_padded": "Kendall tau, with padding",
    "spearman_padded": "Spearman rho, with padding",
    "local_arness": "local AR-ness",
    "global_arness": "global AR-ness",
}


@dataclass(frozen=True, slots=True)
class OrderRow:
    """Mean of each of MEASURES over the `n` decoded answers to a task at a point (by settings id).

    Correlations are between commit step and position: 1 = left to right. `known` counts the answers
    behind each mean; a mean over none is None.
    """

    point: str
    task: str
    n: int
    means: dict[str, float | None]
    known: dict[str, int]


@dataclass(frozen=True, slots=True)
class Heat:
    """How many commits fell where, over all tasks of a point with answers of `gen_length` positions.

    `counts` [step, position], both in equal parts: steps of `steps`, counted from 1; given positions
    do not count.
    """

    point: str
    gen_length: int
    steps: int
    counts: np.ndarray


def order_of(report: Report) -> tuple[list[OrderRow], list[Heat], list[str]]:
    """Rows, heat maps and notes on generations that are not there any more."""
    rows: list[OrderRow] = []
    heats: list[Heat] = []
    notes: list[str] = []
    for point in report.points:
        answers, missing = _answers(point)
        notes += missing
        for task in point.tasks:
            own = [answer for answer in answers if answer.sample.task == task]
            rows += [_row(point, task, own)] if own else []
        for length in sorted({answer.gen_length for answer in answers}):
            found = [answer.commit_step or () for answer in answers if answer.gen_length == length]
            heats.append(heat_map(point.settings.id, length, found))
    return rows, heats, notes


def heats_of(report: Report) -> list[Heat]:
    """The heat maps alone; points whose generations are gone or have no commit steps have none."""
    heats: list[Heat] = []
    for point in report.points:
        found: dict[int, dict[str, Sequence[int]]] = {}
        for file in map(Path, point.files):
            try:
                table = read_columns(generations_of(file), "generations", _STEP_COLUMNS)
            except ArtifactError:
                continue
            for name, status, length, steps in zip(
                *(column.to_pylist() for column in table.itercolumns()), strict=True
            ):
                if status != "error" and steps:
                    found.setdefault(length, {}).setdefault(name, steps)
        heats += [heat_map(point.settings.id, length, found[length].values()) for length in sorted(found)]
    return heats


def heat_map(point: str, gen_length: int, commit_steps: Iterable[Sequence[int]]) -> Heat:
    """Commits by step and position; each of the `commit_steps` has one number a position, 0 = given."""
    found = [np.asarray(steps) for steps in commit_steps]
    last = max((int(steps.max()) for steps in found), default=1)
    last = max(last, 1)
    counts = np.zeros((min(last, _BINS), min(gen_length, _BINS)), dtype=np.int64)
    for steps in found:
        positions = steps.nonzero()[0]
        row = (steps[positions] - 1) * counts.shape[0] // last
        np.add.at(counts, (row, positions * counts.shape[1] // gen_length), 1)
    return Heat(point, gen_length, last, counts)


def _answers(point: Point) -> tuple[list[Generation], list[str]]:
    """The decoded answers of a point that have commit steps, each sample once."""
    found: dict[str, Generation] = {}
    notes = []
    for file in point.files:
        try:
            own = read_generations(generations_of(Path(file)), None)
        except ArtifactError as error:
            notes.append(f"order of unmasking unknown: {error}")
            continue
        decoded = {name: row for name, row in own.items() if row.status != "error" and row.commit_step}
        found = decoded | found
    return list(found.values()), notes


def _row(point: Point, task: str, answers: Sequence[Generation]) -> OrderRow:
    measured = [_measures(answer) for answer in answers]
    means, known = {}, {}
    for name in MEASURES:
        values = [value for one in measured if (value := one[name]) is not None]
        means[name] = float(np.mean(values)) if values else None
        known[name] = len(values)
    return OrderRow(point.settings.id, task, len(answers), means, known)


def _measures(answer: Generation) -> dict[str, float | None]:
    steps = answer.commit_step or ()
    content, padded = decoding_order(steps, answer.content_length), decoding_order(steps)
    trace = answer.trace

    def traced(measure: Callable[..., float | None]) -> float | None:
        return None if trace is None else measure(trace)

    return {
        "kendall": content.kendall,
        "spearman": content.spearman,
        "kendall_padded": padded.kendall,
        "spearman_padded": padded.spearman,
        "local_arness": traced(local_arness),
        "global_arness": traced(global_arness),
    }
