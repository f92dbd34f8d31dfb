"""What the theory's commands show, as rows of text: no layout, no escaping."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pbench.metrics.intervals import Interval
from pbench.theory.bounds import Best
from pbench.theory.cells import Checked
from pbench.theory.examples import Example
from pbench.theory.runs import RunBounds
from pbench.theory.survey import Survey
from pbench.theory.table1 import Row

__all__ = [
    "Sheet",
    "check_sheet",
    "example_sheets",
    "run_sheet",
    "survey_sheets",
    "table1_sheets",
]

NONE = "–"
_MOST_SIZES = 8


class Sheet(NamedTuple):
    """A title, column heads and rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def table1_sheets(n: int, rows: Sequence[Row]) -> list[Sheet]:
    """The summary: bits, greedy top-k and threshold; then the same at temperature 1."""
    gammas = list(rows[0].threshold)
    heads = [f"k = {k}" for k in rows[0].topk] + [f"γ = {gamma:g}" for gamma in gammas]
    greedy = [
        (row.task, bits(row.total_correlation), NONE if row.limit is None else bits(row.limit),
         *map(percent, row.topk.values()), *map(percent, row.threshold.values()))
        for row in rows
    ]  # fmt: skip
    drawn = [
        (row.task, *map(percent, row.topk_tau1.values()), *map(percent, row.random_tau1.values()),
         *map(percent, row.threshold_tau1.values()))
        for row in rows
    ]  # fmt: skip
    orders = [f"{order} k = {k}" for order in ("confident", "random") for k in rows[0].topk]
    return [
        Sheet(
            f"n = {n}, greedy (τ = 0): bits, and accuracy of an ideal model in percent",
            ("task", "C(Y|X), bits", "n → ∞, bits", *heads),
            tuple(greedy),
        ),
        Sheet(
            f"n = {n}, tokens drawn (τ = 1): accuracy in percent",
            ("task", *orders, *(f"γ = {gamma:g}" for gamma in gammas)),
            tuple(drawn),
        ),
    ]


def check_sheet(checked: Iterable[Checked]) -> Sheet:
    """Closed form, enumeration and simulation of each cell."""
    return Sheet(
        "Closed form beside enumeration and simulation, percent",
        ("task", "n", "sampler", "τ", "closed form", "enumerated", "simulated (95 %)", "samples", "in"),
        tuple(
            (
                one.cell.task, str(one.cell.n), one.cell.setting, str(one.cell.temperature),
                exact(one.cell.closed), NONE if one.enumerated is None else exact(one.enumerated),
                interval(one.simulated), str(one.samples), "yes" if one.inside else "NO",
            )
            for one in checked
        ),
    )  # fmt: skip


def example_sheets(example: Example) -> list[Sheet]:
    """Marginals, what one step writes, and what it costs."""
    marginals = [
        (f"token {place + 1}", word, percent(share))
        for place, words in enumerate(example.marginals())
        for word, share in words.items()
    ]
    written = [
        (" ".join(one.words), exact(one.probability), "yes" if one.valid else "no such answer")
        for one in example.mixtures()
    ]
    costs = [
        (f"{steps} step{'s' * (steps > 1)}", bits(cost)) for steps, cost in enumerate(example.best_bits(), 1)
    ]
    return [
        Sheet(f"{example.what}: marginals", ("position", "token", "probability, %"), tuple(marginals)),
        Sheet(
            f"Both tokens in one step: {percent(example.one_step_accuracy)} % are right",
            ("written", "probability, %", "an answer"),
            tuple(written),
        ),
        Sheet("Bits that no model avoids: C(Y|X) for one step, L*_T", ("steps", "bits"), tuple(costs)),
    ]


def survey_sheets(found: Survey) -> list[Sheet]:
    """Given schedules, then the best ones."""
    plural = "s" * (found.positions > 1)
    name = f"{found.task}, n = {found.n} ({found.positions} position{plural})"
    order = "" if found.alike else ", positions from left to right"
    sheets = [
        Sheet(
            f"{name}: C(Y|X) = {bits(found.total_correlation)} bits; given step sizes{order}",
            ("step sizes", "T", "L_T, bits", "2^-L_T, %", "ideal τ = 0, %", "ideal τ = 1, %"),
            tuple(
                (sizes_text(one.sizes), str(len(one.sizes)), bits(one.bits), percent(one.unbiased),
                 percent(one.greedy), percent(one.drawn))
                for one in found.schedules
            ),
        )
    ]  # fmt: skip
    if found.best:
        what = "sizes" if found.alike else "partition"
        rows = tuple((str(len(one.partition)), bits(one.bits), _best_text(one, found)) for one in found.best)
        sheets.append(Sheet(f"{name}: best partition into T steps", ("T", "L*_T, bits", what), rows))
    return sheets


def _best_text(best: Best, found: Survey) -> str:
    if found.alike:
        return sizes_text(best.sizes)
    return " | ".join(",".join(map(str, step)) for step in best.partition)


def run_sheet(run: RunBounds) -> Sheet:
    """Accuracy reached beside what the run's own schedules allow."""
    return Sheet(
        f"{run.model}, {run.sampler}, τ = {run.temperature:g}: reached / ideal with the same schedule",
        ("task", "answers", "open steps", "L_T, bits", "ideal, %", "bits on the way", "ideal on the way, %",
         "reached, % (95 %)", "reached / ideal on the way", "left out"),
        tuple(
            (
                task.task, str(task.n), NONE if task.steps is None else f"{task.steps:.2f}", bits(task.bits),
                percent(task.ideal), bits(task.way_bits), percent(task.way_ideal), interval(task.reached),
                NONE if task.ratio is None else f"{task.ratio:.2f}", str(sum(task.left_out.values())),
            )
            for task in run.tasks
        ),
    )  # fmt: skip


def bits(value: float | None) -> str:
    return NONE if value is None else f"{value:.4f}".rstrip("0").rstrip(".") if value else "0"


def percent(value: float | None) -> str:
    """One decimal; what is neither 0 nor 1 is not rounded to it."""
    if value is None:
        return NONE
    if value in (0.0, 1.0):
        return f"{100 * value:g}"
    if 0.9995 <= value < 1:
        return f"{100 * value:.4g}" if value < 0.99995 else "> 99.99"
    return f"{100 * value:.1f}" if value >= 0.001 else f"{100 * value:.2g}"


def exact(value: float) -> str:
    return f"{100 * value:.4g}"


def interval(value: Interval | None) -> str:
    if value is None:
        return NONE
    return f"{100 * value.mean:.2f} ({100 * value.low:.2f}–{100 * value.high:.2f})"


def sizes_text(sizes: Sequence[int]) -> str:
    """`3+3+2+2`, or `64 x 1` where a long row of equal steps would not fit."""
    if len(sizes) <= _MOST_SIZES:
        return "+".join(map(str, sizes))
    runs: list[list[int]] = []
    for size in sizes:
        if runs and runs[-1][1] == size:
            runs[-1][0] += 1
        else:
            runs.append([1, size])
    return " + ".join(f"{count} x {size}" if count > 1 else str(size) for count, size in runs)
