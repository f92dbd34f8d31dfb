"""The report as data: from paths to points, series, PBx, oracles and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pbench.errors import ArtifactError
from pbench.report.aggregate import averaged_tasks, run_points, task_infos
from pbench.report.cells import Cells, group
from pbench.report.comparable import differences, kept_apart, refuse
from pbench.report.extras import Extras
from pbench.report.files import ScoreFile
from pbench.report.find import find_scores
from pbench.report.findings import TaskPlace
from pbench.report.frontier import frontier
from pbench.report.oracle import Oracle, oracle
from pbench.report.pbx import Pbx, pbx
from pbench.report.points import Point, SuiteTasks, TaskInfo
from pbench.report.published import Published
from pbench.report.rows import Headline, Rows, read_rows
from pbench.report.series import Series, series_of
from pbench.report.task_map import task_map

__all__ = ["Report", "bare_report", "build_report", "load_comparable", "load_mixed"]

_NAMED = 10  # tasks in one remark


@dataclass(frozen=True)
class Report:
    """Everything that tables, charts and exports are made of.

    `tasks` are in the order of all tables and charts; `averaged` are those that means are over;
    `frontier` holds, by model, the settings ids of non-dominated points; `notes` are for people.
    """

    suite: SuiteTasks
    headline: Headline
    tasks: dict[str, TaskInfo]
    averaged: tuple[str, ...]
    series: tuple[Series, ...]
    pbx: tuple[Pbx, ...]
    oracle: tuple[Oracle, ...]
    task_map: tuple[TaskPlace, ...]
    frontier: dict[str, tuple[str, ...]]
    checkers: tuple[str, ...]
    notes: tuple[str, ...]
    cells: Cells = field(repr=False)
    published: tuple[Published, ...] = ()
    extras: Extras = field(default_factory=Extras)

    def beside(self, published: Sequence[Published]) -> Report:
        """The report with published points beside its own."""
        tasks = sorted({point.overall.tasks for one in published for point in one.points if point.overall})
        note = (
            f"Published points are means over {' or '.join(map(str, tasks))} tasks of the public "
            "leaderboard, whatever suite ours are over; their PBx is worked out here, without intervals."
        )
        return replace(self, published=tuple(published)).with_(Extras(remarks=(note,)))

    def with_(self, extras: Extras) -> Report:
        """The report with more in it."""
        return replace(self, extras=self.extras + extras, notes=self.notes + extras.notes)

    @property
    def points(self) -> list[Point]:
        """All run points, series by series, each from slow to fast."""
        return [point for series in self.series for point in series.points]


def load_comparable(paths: Sequence[Path]) -> tuple[list[ScoreFile], list[str]]:
    """Score files below `paths`, and notes; UsageError if they differ in what must be equal."""
    found = find_scores(paths)
    refuse(differences(found.files))
    return list(found.files), list(found.notes)


def load_mixed(paths: Sequence[Path]) -> tuple[list[ScoreFile], list[str]]:
    """As load_comparable, but what differs is kept apart by labels and named in the notes."""
    found = find_scores(paths)
    unlike = differences(found.files)
    notes = [f"compared although they differ in {difference}" for difference in unlike]
    return kept_apart(found.files, unlike), [*found.notes, *notes]


def build_report(
    files: Sequence[ScoreFile], suite: SuiteTasks, headline: Headline, notes: Sequence[str] = ()
) -> Report:
    """The report over `files`; PBx and means are over `suite`.

    Raises UsageError where a sample stands twice with other results, ArtifactError for a corrupt
    file and if no file has a row.
    """
    cells = group(read_rows(files, headline), files)
    if not cells.slices:
        raise ArtifactError(f"{files[0].path}: no scored samples in it; decode and score some first")
    tasks = task_infos(cells, suite)
    averaged = averaged_tasks(tasks, suite)
    points = run_points(cells, suite)
    series = tuple(series_of(points))
    oracles = [oracle(one, cells, averaged) for one in series]
    return Report(
        suite=suite,
        headline=headline,
        tasks=tasks,
        averaged=averaged,
        series=series,
        pbx=tuple(pbx(one, suite) for one in series),
        oracle=tuple(found for found in oracles if found is not None),
        task_map=task_map(points, cells, list(tasks)),
        frontier=_frontiers(series),
        checkers=tuple(sorted({file.checker for file in files if file.checker is not None})),
        notes=(*notes, *_point_notes(series)),
        cells=cells,
        extras=Extras(remarks=_scope(list(tasks), averaged, suite)),
    )


def bare_report(suite: SuiteTasks, headline: Headline) -> Report:
    """A report without runs, for published numbers alone."""
    cells = Cells(Rows.none(), {}, {}, {})
    return Report(suite, headline, {}, (), (), (), (), (), {}, (), (), cells)


def _scope(tasks: Sequence[str], averaged: Sequence[str], suite: SuiteTasks) -> tuple[str, ...]:
    """Which of the tasks shown the means leave out; nothing where they are over the suite's alone."""
    if not set(tasks) & set(suite.tasks):
        return (f"No task of suite {suite.name} is here; means are over all that are ({len(tasks)}).",)
    outside = [task for task in tasks if task not in averaged]
    if not outside:
        return ()
    more = len(outside) - _NAMED
    named = ", ".join(outside[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return (f"Shown, but outside suite {suite.name}, so not in its means, PBx, frontier or oracle: {named}.",)


def _frontiers(series: Sequence[Series]) -> dict[str, tuple[str, ...]]:
    models = dict.fromkeys(one.model for one in series)
    return {
        model: tuple(
            point.settings.id
            for point in frontier([point for one in series if one.model == model for point in one.points])
        )
        for model in models
    }


def _point_notes(series: Sequence[Series]) -> list[str]:
    return [
        f"{one.name} · {point.settings.setting} is incomplete: {problem}"
        for one in series
        for point in one.points
        for problem in point.problems
    ]
