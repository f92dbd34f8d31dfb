"""Run points against a baseline, sample by sample: differences with intervals, McNemar for 0/1.

Tasks of the same name hold the same samples (a report refuses other data), so their answers are
pairs. A task that is only like another by the last part of its name (with and without a chain of
thought) is compared by its means.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pbench.errors import UsageError
from pbench.metrics.bootstrap import interval, resampled_means
from pbench.metrics.intervals import Interval as Share
from pbench.metrics.intervals import wilson
from pbench.report.build import Report
from pbench.report.points import Interval, Point, Settings, number
from pbench.report.tables import short_names

__all__ = [
    "Comparison",
    "Difference",
    "comparisons",
    "differing",
    "mcnemar",
    "newcombe",
    "newcombe_unpaired",
    "paired",
]


@dataclass(frozen=True, slots=True)
class Difference:
    """Scores of the baseline and of the run, 0..1, and run minus baseline with its 95 % interval.

    Over `n` samples that both answered (`paired`), or n of the run against all of the baseline.
    `lost` and `won` are the samples that only the baseline or only the run got right, `p` the exact
    McNemar test of them: None unless all values are 0 or 1.
    """

    n: int
    base: float
    score: float
    difference: float
    ci95: Interval
    paired: bool
    lost: int | None
    won: int | None
    p: float | None


@dataclass(frozen=True)
class Comparison:
    """One run point and the point of the baseline that it differs least from.

    `differs` says in what: setting -> (baseline, run). `overall` is the mean over the `tasks`, each
    counted once; its lost, won and p are of all their samples together.
    """

    point: Point
    base: Point
    differs: dict[str, tuple[str, str]]
    tasks: dict[str, Difference]
    overall: Difference


def comparisons(report: Report, base_files: Collection[str]) -> tuple[list[Comparison], list[str]]:
    """Every other run point against the nearest one of the baseline (its score files), and notes.

    UsageError if no run point is the baseline's alone, or none is left to compare.
    """
    bases = [point for point in report.points if set(point.files) <= set(base_files)]
    others = [point for point in report.points if point not in bases]
    if not bases or not others:
        raise UsageError(
            "--baseline: "
            + ("all run points are the baseline's; name runs to compare with it" if bases else "its settings")
            + ("" if bases else " are those of the runs; give one of them a label")
        )
    found, notes = [], []
    for point in others:
        nearest = _nearest(point, bases)
        if len(nearest) > 1:
            notes.append(f"{_name(point)}: no comparison, {len(nearest)} baseline points are equally near")
            continue
        one = _compared(report, point, nearest[0])
        if one is None:
            notes.append(f"{_name(point)}: no comparison, it shares no answered task with the baseline")
        else:
            found.append(one)
    return found, notes


def differing(base: Settings, other: Settings) -> dict[str, tuple[str, str]]:
    """What two points differ in, in words: setting -> (value of base, value of the other)."""
    first, second = dict(_settings(base)), dict(_settings(other))
    names = dict.fromkeys([*first, *second])
    pairs = {name: (first.get(name, "-"), second.get(name, "-")) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def paired(base: np.ndarray, values: np.ndarray, task: str) -> Difference:
    """The difference of values [n] of the same samples, n >= 1, with its interval.

    Newcombe's for values of 0 and 1: a bootstrap of few pairs that all agree would claim certainty.
    """
    difference = values - base
    whole = _zero_or_one(base) and _zero_or_one(values)
    low, high = newcombe(base, values) if whole else interval(resampled_means(difference, task))
    lost, won = int((difference < 0).sum()), int((difference > 0).sum())
    return Difference(
        n=len(values),
        base=float(base.mean()),
        score=float(values.mean()),
        difference=float(difference.mean()),
        ci95=(low, high),
        paired=True,
        lost=lost if whole else None,
        won=won if whole else None,
        p=mcnemar(lost, won) if whole else None,
    )


def newcombe(base: np.ndarray, values: np.ndarray) -> Interval:
    """95 % interval of the difference of two shares of the same samples [n], values minus base.

    From the Wilson intervals of both and their correlation: Newcombe 1998, Statistics in Medicine
    17:2635, method 10.
    """
    n, first, second = len(base), int(base.sum()), int(values.sum())
    correlation = _phi(int((base * values).sum()), first, second, n)
    return _hybrid(wilson(first, n), wilson(second, n), correlation)


def newcombe_unpaired(base: np.ndarray, values: np.ndarray) -> Interval:
    """The same of shares of other samples: Newcombe 1998, Statistics in Medicine 17:873, method 10."""
    return _hybrid(wilson(int(base.sum()), len(base)), wilson(int(values.sum()), len(values)), 0.0)


def _hybrid(old: Share, new: Share, correlation: float) -> Interval:
    below, above = (new.mean - new.low, old.high - old.mean), (new.high - new.mean, old.mean - old.low)
    low, high = ((a * a - 2 * correlation * a * b + b * b) ** 0.5 for a, b in (below, above))
    difference = new.mean - old.mean
    return max(difference - low, -1.0), min(difference + high, 1.0)


def _phi(both: int, first: int, second: int, n: int) -> float:
    """Correlation of the two, its numerator moved towards 0 by n / 2 if positive (method 10)."""
    product = (first * (n - first) * second * (n - second)) ** 0.5
    numerator = float(both * n - first * second)
    if numerator > 0:
        numerator = max(numerator - n / 2, 0.0)
    return numerator / product if product else 0.0


def mcnemar(lost: int, won: int) -> float:
    """Two-sided p of the exact McNemar test: discordant pairs fall to either side like a fair coin."""
    from scipy.stats import binomtest

    return float(binomtest(lost, lost + won, 0.5).pvalue) if lost + won else 1.0


def _settings(own: Settings) -> Iterator[tuple[str, str]]:
    yield "model", own.model
    yield "weights", own.model_id
    yield "sampler", own.sampler or "autoregressive"
    for name in ("block_length", "cache", "temperature", "compat", "dtype", "infill"):
        yield name, number(getattr(own, name))
    yield from _words(own.params)
    yield from _words(own.decoding)
    yield from _words(own.labels)


def _words(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return ((name, number(value)) for name, value in values.items())


def _nearest(point: Point, bases: Sequence[Point]) -> list[Point]:
    """The baseline points that differ from `point` in the fewest settings."""
    if len(bases) == 1:
        return list(bases)
    counts = [len(differing(base.settings, point.settings)) for base in bases]
    return [base for base, count in zip(bases, counts, strict=True) if count == min(counts)]


def _compared(report: Report, point: Point, base: Point) -> Comparison | None:
    tasks, draws = {}, []
    for task, like in _matched(report, point, base).items():
        found = _task(report, (base, like), (point, task))
        if found is not None:
            tasks[task], drawn = found
            draws.append(drawn)
    if not tasks:
        return None
    differs = differing(base.settings, point.settings)
    if "model" in differs:
        differs.pop("weights", None)
    return Comparison(point, base, differs, tasks, _overall(list(tasks.values()), np.mean(draws, axis=0)))


def _matched(report: Report, point: Point, base: Point) -> dict[str, str]:
    """Task of the run -> task of the baseline: of the same name, or of the same last part of it."""
    names = short_names([*base.tasks])
    by_short = {short: task for task, short in names.items()}
    own = short_names([*point.tasks])
    pairs = {
        task: task if task in base.tasks else by_short.get(own[task]) for task in report.tasks if task in own
    }
    return {task: like for task, like in pairs.items() if like is not None}


def _task(
    report: Report, base: tuple[Point, str], own: tuple[Point, str]
) -> tuple[Difference, np.ndarray] | None:
    """The difference on one task and its bootstrap draws; None without answers to compare."""
    first, second = _answers(report, *base), _answers(report, *own)
    if base[1] == own[1]:
        both = sorted(first.keys() & second.keys())
        if not both:
            return None
        values = (np.array([found[index] for index in both]) for found in (first, second))
        old, new = values
        return paired(old, new, own[1]), resampled_means(new - old, own[1])
    if not first or not second:
        return None
    old, new = np.array(list(first.values())), np.array(list(second.values()))
    draws = resampled_means(new, own[1]) - resampled_means(old, base[1])
    gain = float(new.mean() - old.mean())
    means = float(old.mean()), float(new.mean())
    ends = newcombe_unpaired(old, new) if _zero_or_one(old) and _zero_or_one(new) else interval(draws)
    return Difference(len(new), *means, gain, ends, False, None, None, None), draws


def _answers(report: Report, point: Point, task: str) -> dict[int, float]:
    """Headline value of each answered sample, by index."""
    rows = report.cells.rows.take(report.cells.slices[point.settings.id, task])
    known = rows.take(~(rows.error | np.isnan(rows.value)))
    return dict(zip(known.index.tolist(), known.value.tolist(), strict=True))


def _overall(tasks: Sequence[Difference], draws: np.ndarray) -> Difference:
    """The mean over tasks, each counted once; a single task keeps its own interval."""
    lost = [task.lost for task in tasks if task.lost is not None]
    won = [task.won for task in tasks if task.won is not None]
    whole = len(lost) == len(tasks)
    return Difference(
        n=sum(task.n for task in tasks),
        base=float(np.mean([task.base for task in tasks])),
        score=float(np.mean([task.score for task in tasks])),
        difference=float(np.mean([task.difference for task in tasks])),
        ci95=interval(draws) if len(tasks) > 1 else tasks[0].ci95,
        paired=all(task.paired for task in tasks),
        lost=sum(lost) if whole else None,
        won=sum(won) if whole else None,
        p=mcnemar(sum(lost), sum(won)) if whole else None,
    )


def _zero_or_one(values: np.ndarray) -> bool:
    return bool(((values == 0.0) | (values == 1.0)).all())


def _name(point: Point) -> str:
    return f"{point.settings.model} {point.settings.sampler or ''} {point.settings.setting}"
