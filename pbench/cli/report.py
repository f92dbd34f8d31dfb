"""`pbench report [RUN...]`: tables, PBx, curves and one HTML page from score files."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pbench.cli import console
from pbench.errors import UsageError

if TYPE_CHECKING:
    from pbench.report.browser import Limits
    from pbench.report.build import Report

__all__ = ["register"]

_MOST_WARNINGS = 20


class Format(StrEnum):
    """Forms of a report."""

    table = "table"
    md = "md"
    csv = "csv"
    latex = "latex"
    json = "json"
    html = "html"
    site = "site"


class Headline(StrEnum):
    """Which value of a metric stands for a task."""

    default = "default"
    combined = "combined"


class Tracker(StrEnum):
    """Where a finished report can be sent."""

    wandb = "wandb"


_ENDINGS = {
    ".txt": Format.table,
    ".md": Format.md,
    ".csv": Format.csv,
    ".tex": Format.latex,
    ".json": Format.json,
    ".html": Format.html,
}


def register(app: typer.Typer) -> None:
    app.command()(report)


def report(
    runs: list[str] = typer.Argument(
        None,
        metavar="RUN",
        help="Score files or folders of them; - reads paths from stdin. Default: ./runs.",
    ),
    form: Format = typer.Option(
        None,
        "--format",
        help="table (default), md, csv, latex, json, html or site (the public leaderboard's files); by the "
        "ending of --out where that says it.",
    ),
    json: bool = typer.Option(False, "--json", help="The same as --format json."),
    suite: str = typer.Option(
        "benchmark", "--suite", help="Suite whose tasks PBx and means are over: name or file."
    ),
    headline: Headline = typer.Option(
        Headline.default,
        "--headline",
        help="default: each task's own value; combined: the value `score` everywhere.",
    ),
    out: str = typer.Option(
        None,
        "--out",
        help="FILE, or DIR (no ending, or a folder): report.md with curves, points.csv, report.json; "
        "with --format html: index.html; with --format site: data/.",
    ),
    samples: int = typer.Option(
        None, "--samples", min=0, help="html: most samples of a task; default: as many as fit."
    ),
    traces: int = typer.Option(
        None,
        "--traces",
        min=0,
        help="html: most samples of a task whose unmasking can be replayed; default: as many as fit.",
    ),
    plots: Path = typer.Option(
        None, "--plots", help="Also write the curves (SVG, PNG, Vega-Lite) to this folder."
    ),
    baseline: Path = typer.Option(
        None,
        "--baseline",
        metavar="RUN",
        help="Compare the other runs with this one (file or folder), sample by sample.",
    ),
    published: str = typer.Option(
        None,
        "--published",
        metavar="DIR|FILE|paper",
        help="Show published numbers beside ours: the public leaderboard's folder, one of its figures, or "
        "the paper's tables (shipped). Without RUN: these alone.",
    ),
    metrics: bool = typer.Option(
        None,
        "--metrics/--no-metrics",
        help="Also what the metrics give beside the headline: ROUGE, BLEU, strict values. Default: of text "
        "tasks, unless that takes more than 200 files.",
    ),
    failures: bool = typer.Option(
        False, "--failures", help="Also count how answers fail; opens the generations (html always does)."
    ),
    order: bool = typer.Option(
        False, "--order", help="Also say in which order answers were unmasked; opens the generations."
    ),
    gap: bool = typer.Option(
        False,
        "--gap",
        help="Also the dependency gap of runs decoded with --measure-gap; opens the generations.",
    ),
    log_to: Tracker = typer.Option(
        None,
        "--log-to",
        help="Send the files of --out DIR to a tracker (extra `track`); it may fail, the report stays.",
    ),
    force: bool = typer.Option(
        False, "--force", help="Put results in one table that should not be compared."
    ),
) -> None:
    """Show speed against quality. Percent by task and setting with 95 % intervals, PBx, frontier."""
    chosen = _format(form, json, out)
    _check_tracker(log_to, chosen, out)
    limits = _limits(chosen, samples, traces)
    if published is not None and not runs and baseline is None:
        _refuse_without_runs(chosen, plots, failures or order or gap or bool(metrics))
        built = _bare(suite, headline)
    else:
        built = _build(_paths(runs) + ([] if baseline is None else [baseline]), suite, headline, force)
    built = _with_values(_beside(built, baseline, published), metrics)
    built = _asked(built, failures, order, gap)
    _warn(built.notes)
    _suggest_suite(built)
    _plots(built, plots)
    console.result(_deliver(built, chosen, out, limits))
    if log_to is not None and out is not None:
        _track(Path(out), log_to)


def _check_tracker(log_to: Tracker | None, form: Format, out: str | None) -> None:
    if log_to is None:
        return
    from pbench.report.tracker import require

    if form is not Format.md or out is None or not _is_folder(out):
        raise UsageError(f"--log-to {log_to} sends the files of a report; give --out DIR without --format")
    require(log_to.value)


def _track(folder: Path, tracker: Tracker) -> None:
    """Send what is on disk; a tracker that fails is a warning."""
    from pbench.report.tracker import TrackerError, send

    try:
        console.note(f"{tracker}: {send(folder)}")
    except TrackerError as error:
        console.warn(
            f"{tracker} has not got the report: {error}; it is in {folder}, the same command tries again"
        )


def _limits(form: Format, samples: int | None, traces: int | None) -> Limits:
    from pbench.report.browser import Limits

    if form is not Format.html and (samples, traces) != (None, None):
        raise UsageError("--samples and --traces are for --format html; leave them out or ask for html")
    return Limits(samples=samples, traces=traces)


def _format(form: Format | None, json: bool, out: str | None) -> Format:
    """The format asked for, or the one that the destination implies."""
    if json:
        if form not in (None, Format.json):
            raise UsageError(f"--json and --format {form} exclude each other; give one of them")
        return Format.json
    if form is not None:
        return form
    if out is None:
        return Format.table
    if _is_folder(out):
        return Format.md
    if Path(out).suffix not in _ENDINGS:
        raise UsageError(
            f"--out {out}: no format has this ending; end it in {', '.join(_ENDINGS)} or give --format"
        )
    return _ENDINGS[Path(out).suffix]


def _is_folder(out: str) -> bool:
    return out.endswith("/") or Path(out).is_dir() or not Path(out).suffix


def _paths(runs: list[str] | None) -> list[Path]:
    found: list[Path] = []
    for run in runs or ["runs"]:
        if run == "-":
            found += [Path(line.strip()) for line in sys.stdin or () if line.strip()]
        else:
            found.append(Path(run))
    if not found:
        raise UsageError("no paths on stdin; pipe the paths of score files, one a line")
    return found


def _build(paths: list[Path], suite_name: str, headline: Headline, force: bool) -> Report:
    from pbench.report.build import build_report, load_comparable, load_mixed
    from pbench.report.points import SuiteTasks
    from pbench.tasks import load_suite

    found = load_suite(suite_name)
    suite = SuiteTasks(found.name, tuple(task.name for task in found.tasks))
    files, notes = load_mixed(paths) if force else load_comparable(paths)
    return build_report(files, suite, headline.value, notes)


def _bare(suite_name: str, headline: Headline) -> Report:
    from pbench.report.build import bare_report
    from pbench.report.points import SuiteTasks
    from pbench.tasks import load_suite

    found = load_suite(suite_name)
    return bare_report(SuiteTasks(found.name, tuple(task.name for task in found.tasks)), headline.value)


def _refuse_without_runs(form: Format, plots: Path | None, answers: bool) -> None:
    if form in (Format.html, Format.site) or plots is not None or answers:
        raise UsageError(
            "--published alone has no answers for html, site, --plots, --metrics, --failures, --order or"
            " --gap; name runs, too"
        )


def _beside(built: Report, baseline: Path | None, published: str | None) -> Report:
    """The report with what it is compared with."""
    if published == "paper":
        from pbench.report.paper import paper_extras

        built = built.with_(paper_extras(built))
    elif published is not None:
        from pbench.report.published import read_published

        built = built.beside(read_published(Path(published)))
    if baseline is not None:
        from pbench.report.comparison_tables import comparison_extras

        built = built.with_(comparison_extras(built, _files_of(built, baseline)))
    return built


def _with_values(built: Report, asked: bool | None) -> Report:
    """The report with the further values of all tasks, or of text tasks where nobody asked."""
    from pbench.report.metric_values import MOST_FILES, files_with, metric_extras, text_tasks

    tasks = tuple(built.tasks) if asked else text_tasks(built)
    if asked is False or not tasks or (asked is None and len(files_with(built, tasks)) > MOST_FILES):
        return built
    return built.with_(metric_extras(built, tasks))


def _asked(built: Report, failures: bool, order: bool, gap: bool) -> Report:
    """The report with the analyses of its answers that were asked for."""
    if failures:
        from pbench.report.failure_tables import failure_extras

        built = built.with_(failure_extras(built))
    if order:
        from pbench.report.order_tables import order_extras

        built = built.with_(order_extras(built))
    if gap:
        from pbench.report.gap_tables import gap_extras

        built = built.with_(gap_extras(built))
    return built


def _files_of(built: Report, place: Path) -> set[str]:
    """The report's score files that are `place` or lie below it."""
    root = place.resolve()
    files = [file for point in built.points for file in point.files]
    return {file for file in files if root in (path := Path(file).resolve(), *path.parents)}


def _warn(notes: Sequence[str]) -> None:
    for remark in notes[:_MOST_WARNINGS]:
        console.warn(remark)
    if len(notes) > _MOST_WARNINGS:
        console.warn(f"{len(notes) - _MOST_WARNINGS} more remarks; --json has all")


def _suggest_suite(built: Report) -> None:
    """Name suites that the runs do cover, where none of them covers the one asked for."""
    if not built.points or any(not point.lacks for point in built.points):
        return
    from pbench.tasks import load_suite, shipped_suites

    measured = [set(point.tasks) for point in built.points]
    covered = [
        name for name in shipped_suites() if _covers({task.name for task in load_suite(name).tasks}, measured)
    ]
    if covered:
        console.note(
            f"no PBx for suite {built.suite.name}; these runs cover {', '.join(covered)}: use --suite"
        )


def _covers(tasks: set[str], measured: Sequence[set[str]]) -> bool:
    """Whether some run point has all `tasks`."""
    return any(tasks <= own for own in measured)


def _plots(built: Report, folder: Path | None) -> None:
    if folder is None:
        return
    from pbench.report.write import write_plots

    written = write_plots(built, folder)
    console.note(
        f"curves: {', '.join(map(str, written))}" if written else "no curves: no run has tokens per step"
    )


def _site(built: Report, out: str | None) -> Path:
    from pbench.report.site import write_site

    if out is None or not _is_folder(out):
        raise UsageError("--format site writes a folder; give --out DIR")
    return write_site(built, Path(out))


def _deliver(built: Report, form: Format, out: str | None, limits: Limits) -> str:
    """Write or render the report; what stands on stdout: the path, or the report itself."""
    from pbench.artifacts import atomic_text
    from pbench.report.write import FILE_NAMES, WIDE, render, write_folder

    if form is Format.site:
        return str(_site(built, out))
    if out is None:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDE
        return render(built, form, width, limits).rstrip("\n")
    if _is_folder(out) and form is Format.md:
        return str(write_folder(built, Path(out)))
    target = Path(out) / FILE_NAMES[form] if _is_folder(out) else Path(out)
    atomic_text(target, render(built, form, WIDE, limits))
    return str(target)
