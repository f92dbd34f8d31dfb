"""The first lines of a report: what the numbers say, and how to read them."""

from __future__ import annotations

from pbench.report.build import Report
from pbench.report.pbx import THRESHOLDS
from pbench.report.series import Series
from pbench.report.tables import short_names

__all__ = ["findings_in_words", "how_to_read", "how_to_read_page", "summary"]

_STEADY = 0.05  # a task that loses less than this from slowest to fastest setting is said to hold
_NAMED = 3
_SPEED = "Tokens per step = answer positions / forward passes of the model: 1 is one by one."


def summary(report: Report) -> list[str]:
    """What the numbers say, and how to read the tables below."""
    return [*findings_in_words(report), how_to_read(report)]


def findings_in_words(report: Report) -> list[str]:
    """Two to four sentences made from the numbers."""
    lines = [_scope(report), _best(report)]
    widest = _widest(report)
    if widest is not None:
        lines.append(_losses(report, widest))
    incomplete = sum(not point.complete for point in report.points)
    if incomplete:
        verbs = ("is", "has") if incomplete == 1 else ("are", "have")
        lines.append(
            f"{incomplete} of {_count(len(report.points), 'run point')} {verbs[0]} incomplete for suite "
            f"{report.suite.name} and {verbs[1]} no PBx; the notes say why."
        )
    return lines


def how_to_read(report: Report) -> str:
    """One sentence on cells, columns and what right means here."""
    return (
        f"A cell is {_kind(report)} in percent with its 95 % interval; columns go from slow to fast. {_SPEED}"
    )


def how_to_read_page(report: Report) -> str:
    """The same for the page, which has charts in the place of cells and columns."""
    return f"Percent is {_kind(report)}, with its 95 % interval. {_SPEED}"


def _kind(report: Report) -> str:
    return "the combined score" if report.headline == "combined" else "each task's headline metric"


def _scope(report: Report) -> str:
    models = list(dict.fromkeys(series.model for series in report.series))
    samplers = list(dict.fromkeys(series.sampler_name for series in report.series))
    return (
        f"{', '.join(models)} on {_count(len(report.tasks), 'task')} with {', '.join(samplers)}: "
        f"{_count(len(report.points), 'run point')}."
    )


def _best(report: Report) -> str:
    """The fastest run that is still good, at the highest threshold that any run reaches."""
    for x in THRESHOLDS:
        reached = [
            (row.measured[x] or 0.0, row.series.name) for row in report.pbx if row.measured[x] is not None
        ]
        if not reached:
            continue
        reached.sort(key=lambda pair: (-pair[0], pair[1]))
        others = "".join(f"; {name} {speed:.2f}" for speed, name in reached[1:_NAMED])
        speed, name = reached[0]
        return (
            f"With a mean of at least {x} % over suite {report.suite.name}, the fastest is {name} "
            f"at {speed:.2f} tokens per step (PB{x}{others})."
        )
    if all(row.why and row.why.startswith("no run point") for row in report.pbx):
        return (
            f"No run point covers suite {report.suite.name}, so there is no PBx; choose another with --suite."
        )
    return f"No run point has a mean of {THRESHOLDS[-1]} % over suite {report.suite.name}."


def _widest(report: Report) -> Series | None:
    """The series that reaches the highest speed, if it has two points to compare."""
    long = [series for series in report.series if len(series.points) > 1 and _last_speed(series)]
    return max(long, key=_last_speed, default=None)


def _last_speed(series: Series) -> float:
    overall = series.points[-1].overall
    return (overall.tokens_per_step if overall else None) or 0.0


def _losses(report: Report, series: Series) -> str:
    names = short_names(report.tasks)
    first, last = series.points[0], series.points[-1]
    change = {}
    for task in report.tasks:
        before, after = first.tasks.get(task), last.tasks.get(task)
        if before and after and before.score is not None and after.score is not None:
            change[task] = (before.score, after.score)
    falling = sorted(change, key=lambda task: change[task][1] - change[task][0])
    lost = [task for task in falling if change[task][0] - change[task][1] >= _STEADY]
    steady = len(change) - len(lost)
    where = f"From {first.settings.setting} to {last.settings.setting} ({series.name})"
    if not lost:
        return f"{where} no task loses {100 * _STEADY:.0f} points or more."
    said = ", ".join(
        f"{names[t]} {100 * change[t][0]:.0f} to {100 * change[t][1]:.0f} %" for t in lost[:_NAMED]
    )
    held = f"{steady} of {_count(len(change), 'task')} lose less than {100 * _STEADY:.0f} points"
    return f"{where} most is lost on {said}; {held}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
