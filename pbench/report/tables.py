"""What stands in the tables: percent by task and setting, PBx, frontier, oracle, and the long CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pbench.report.build import Report
from pbench.report.endings import ending_table
from pbench.report.formats import Table
from pbench.report.pbx import THRESHOLDS, Bounds, Pbx
from pbench.report.points import Point, Stats, number
from pbench.report.series import Series

__all__ = [
    "CSV_COLUMNS",
    "all_tables",
    "csv_columns",
    "csv_rows",
    "frontier_table",
    "mean_over",
    "oracle_table",
    "pbx_reasons",
    "pbx_table",
    "percent",
    "quality_table",
    "share_text",
    "short_names",
    "task_table",
]

NONE = "–"
CSV_COLUMNS = (
    "model",
    "sampler",
    "settings",
    "parameter",
    "value",
    "block_length",
    "cache",
    "task",
    "category",
    "n",
    "errors",
    "missing",
    "score",
    "ci95_low",
    "ci95_high",
    "nfe",
    "tokens_per_step",
    "content_tokens_per_step",
    "seconds",
    "tokens_per_second",
    "complete",
)


def all_tables(report: Report) -> list[Table]:
    """Every table of the report, in reading order."""
    tables = [quality_table(report, series) for series in report.series]
    tables += [pbx_table(report)] if report.pbx or report.published else []
    if any(len(points) for points in report.frontier.values()):
        tables.append(frontier_table(report))
    tables += [oracle_table(report)] if report.oracle else []
    ended = ending_table(report)
    tables += [ended] if ended is not None else []
    measured = any(place.measured for place in report.task_map)
    return [*tables, *([task_table(report)] if measured else []), *report.extras.tables]


def quality_table(report: Report, series: Series) -> Table:
    """Tasks by settings of one series: percent with its interval; below, means and speeds."""
    names = short_names(report.tasks)
    points = series.points
    rows = [
        (names[task], *(percent(point.tasks.get(task)) for point in points))
        for task in report.tasks
        if any(task in point.tasks for point in points)
    ]
    means = _mean_rows(report, points)
    speeds = [
        ("tokens per step", *(_speed(_mean_of(point, "tokens_per_step")) for point in points)),
        (
            "content tokens per step",
            *(_speed(_mean_of(point, "content_tokens_per_step")) for point in points),
        ),
    ]
    heads = [_marked(point) for point in points]
    return Table(
        title=f"{series.name}: percent (95 % interval)",
        columns=("task", *heads),
        rows=(*rows, *means, *speeds),
        sections=frozenset({len(rows), len(rows) + len(means)}),
    )


def pbx_table(report: Report) -> Table:
    """PBx by series: measured with its bootstrap interval, and interpolated where that means something."""
    rows = [line for row in report.pbx for line in _pbx_lines(row, row.series.name)]
    for own in report.published:
        rows += _pbx_lines(own.pbx, f"{own.label} · {own.sampler_label} (published)")
    return Table(
        title=f"PBx: most tokens per step at which the mean over suite {report.suite.name} is at least x %",
        columns=("run", "PBx", *(f"PB{x}" for x in THRESHOLDS)),
        rows=tuple(rows),
    )


def _pbx_lines(row: Pbx, name: str) -> list[tuple[str, ...]]:
    bounds = row.measured_ci95
    lines = [(name, "measured", *(_bounded(row.measured[x], bounds[x]) for x in THRESHOLDS))]
    if row.series.adaptive:
        bounds = row.interpolated_ci95
        between = (_bounded(row.interpolated[x], bounds[x]) for x in THRESHOLDS)
        lines.append((name, "interpolated", *between))
    return lines


def pbx_reasons(report: Report) -> list[str]:
    """Why values of the PBx table are missing: one line for series that share a reason."""
    by_reason: dict[str, list[str]] = {}
    for row in report.pbx:
        for reason in _reasons(row):
            by_reason.setdefault(reason, []).append(row.series.name)
    for own in report.published:
        for reason in _reasons(own.pbx):
            by_reason.setdefault(reason, []).append(f"{own.label} · {own.sampler_label} (published)")
    return [f"{', '.join(names)}: {reason}" for reason, names in by_reason.items()]


def frontier_table(report: Report) -> Table:
    """Run points that no other one of the same model beats in speed and quality both."""
    chosen = {identity for identities in report.frontier.values() for identity in identities}
    picked = [
        (series, point) for series in report.series for point in series.points if point.settings.id in chosen
    ]
    picked.sort(
        key=lambda pair: (pair[0].model, pair[1].overall.tokens_per_step or 0.0 if pair[1].overall else 0.0)
    )
    rows = [
        (
            series.name,
            _marked(point),
            _speed(_mean_of(point, "tokens_per_step")),
            percent(point.overall),
        )
        for series, point in picked
    ]
    return Table(
        "Frontier: no other setting is faster and better",
        ("run", "setting", "tokens per step", "mean"),
        tuple(rows),
    )


def oracle_table(report: Report) -> Table:
    """Oracles: the best threshold of every sample, and how much faster that is than one for all."""
    rows = [
        (
            row.series.name,
            f"{100 * row.score:.1f}",
            _speed(row.tokens_per_step),
            NONE if row.adaptivity_gap is None else f"{row.adaptivity_gap:.2f}x",
        )
        for row in report.oracle
    ]
    return Table(
        "Oracle: for every sample the fastest of its best thresholds",
        ("run", "mean", "tokens per step", "gap to one threshold"),
        tuple(rows),
    )


def task_table(report: Report) -> Table:
    """Tasks from hard to easy in parallel, with the order that they prefer."""
    names = short_names(report.tasks)
    unknown = float("inf")
    rows = [
        (names[place.task], _speed(place.parallelizability), _points(place.order_preference))
        for place in sorted(report.task_map, key=lambda place: place.parallelizability or unknown)
    ]
    return Table(
        "Tasks: centre of mass of the scores over k (small = hard in parallel), and percentage points that "
        "halving the block gains at k=2 (positive = better left to right)",
        ("task", "parallelizability", "order preference"),
        tuple(rows),
    )


def csv_columns(report: Report) -> tuple[str, ...]:
    """CSV_COLUMNS and those of further values that were asked for."""
    return (*CSV_COLUMNS, *report.extras.columns)


def csv_rows(report: Report) -> list[tuple[str | int | float | bool | None, ...]]:
    """One row a task and point, columns csv_columns; scores in 0..1, empty = unknown."""
    further = report.extras.columns.values()
    ours: list[tuple[str | int | float | bool | None, ...]] = [
        (
            series.model,
            series.sampler_name,
            series.settings,
            series.parameter,
            None if point.settings.value is None else number(point.settings.value),
            None if point.settings.block_length is None else str(point.settings.block_length),
            point.settings.cache,
            task,
            report.tasks[task].category,
            *_csv_stats(stats),
            point.complete,
            *(column.get((point.settings.id, task)) for column in further),
        )
        for series in report.series
        for point in series.points
        for task, stats in point.tasks.items()
    ]
    others = [
        (
            own.model,
            own.sampler,
            "published",
            *[None] * 4,
            "mean",
            None,
            *_csv_stats(point.overall),
            True,
            *[None] * len(further),
        )
        for own in report.published
        for point in own.points
        if point.overall is not None
    ]
    return [*ours, *others]


def percent(stats: Stats | None) -> str:
    """A share in percent with its 95 % interval: `97 (92–99)`; a dash if unknown."""
    if stats is None or stats.score is None:
        return NONE
    return share_text(stats.score, stats.ci95)


def share_text(share: float, ci95: tuple[float, float] | None) -> str:
    """The same of a share of known value; without the interval where there is none."""
    if ci95 is None:
        return _tenths(share)
    return f"{_tenths(share)} ({100 * ci95[0]:.0f}–{100 * ci95[1]:.0f})"


def short_names(tasks: Iterable[str]) -> dict[str, str]:
    """Task names without their group, where that is still one name a task."""
    names = list(tasks)
    last = Counter(name.rpartition("/")[2] for name in names)
    return {name: short if last[short := name.rpartition("/")[2]] == 1 else name for name in names}


def _mean_rows(report: Report, points: Sequence[Point]) -> list[tuple[str, ...]]:
    categories = list(dict.fromkeys(report.tasks[task].category for task in report.averaged))
    rows = [
        (
            f"mean of {name}",
            *(_partial(point.categories.get(name), _members(report, name)) for point in points),
        )
        for name in categories
        if len(categories) > 1 and any(name in point.categories for point in points)
    ]
    overall = (
        mean_over(len(report.averaged)),
        *(_partial(p.overall, len(report.averaged)) for p in points),
    )
    return [*rows, overall]


def mean_over(tasks: int) -> str:
    """Name of the row that is the mean of so many tasks."""
    return f"mean of {tasks} task{'' if tasks == 1 else 's'}"


def _marked(point: Point) -> str:
    """The setting, with a star where something is wrong with the point."""
    return point.settings.setting + (" *" if point.problems else "")


def _members(report: Report, category: str) -> int:
    return sum(report.tasks[task].category == category for task in report.averaged)


def _partial(stats: Stats | None, tasks: int) -> str:
    """Percent, with the number of tasks where the mean is over fewer than its row says."""
    if stats is None or stats.tasks == tasks:
        return percent(stats)
    return f"{percent(stats)} of {stats.tasks}"


def _mean_of(point: Point, name: str) -> float | None:
    return None if point.overall is None else getattr(point.overall, name)


def _tenths(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0")


def _points(difference: float | None) -> str:
    """A difference of shares in percentage points, with its sign."""
    return NONE if difference is None else f"{100 * difference:+z.1f}"


def _speed(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _bounded(value: float | None, bounds: Bounds | None) -> str:
    if value is None or bounds is None:
        return _speed(value)
    low, high = ("never" if bound is None else f"{bound:.1f}" for bound in bounds)
    return f"{value:.2f}" if low == high else f"{value:.2f} ({low}–{high})"


def _reasons(row: Pbx) -> list[str]:
    reasons = [] if row.why is None else [row.why]
    named = row.excluded if any(value is not None for value in row.measured.values()) else ()
    return reasons + [f"without {one.setting}: {one.why}" for one in named]


def _csv_stats(stats: Stats) -> tuple[int | float | None, ...]:
    low, high = stats.ci95 or (None, None)
    return (
        stats.n,
        stats.errors,
        stats.missing,
        stats.score,
        low,
        high,
        stats.nfe,
        stats.tokens_per_step,
        stats.content_tokens_per_step,
        stats.seconds,
        stats.tokens_per_second,
    )
