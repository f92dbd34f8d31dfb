"""`pbench score RUN...`: judge generations, write scores, print where they are."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pbench.cli import console
from pbench.errors import SamplesFailedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["register"]

_LOG_SECONDS = 30.0


def register(app: typer.Typer) -> None:
    app.command()(score)


def score(
    runs: list[str] = typer.Argument(
        None, metavar="RUN...", help="Generations: files, folders (searched), or - for paths on stdin."
    ),
    grammar: str = typer.Option("auto", help="Grammar checker: auto, languagetool or harper."),
    languagetool_url: str = typer.Option(None, metavar="URL", help="A running LanguageTool server."),
    bertscore_model: str = typer.Option(
        None, metavar="MODEL", help="Model for BERTScore: local folder or hub id (extra bertscore)."
    ),
    out: Path = typer.Option(None, metavar="FILE", help="Where the scores of one run go."),
    force: bool = typer.Option(False, "--force", help="Score again what is scored already."),
    json: bool = typer.Option(False, "--json", help="Print the means as JSON instead of the paths."),
    list_metrics: bool = typer.Option(False, "--list", help="Print the metrics and their versions."),
) -> None:
    """Score runs; print the path of each scores file. Exit code 3 if some samples have no score."""
    if list_metrics:
        _print_metrics(json)
        return
    from pbench.score import default_output, find_runs, summarise

    if not runs:
        raise UsageError("name a run to score: pbench score RUN... (a file, a folder, or -)")
    found = find_runs(runs)
    if out is not None and len(found) > 1:
        raise UsageError(f"--out names one file, but there are {len(found)} runs; leave it out")
    judge = _judge(grammar, languagetool_url, bertscore_model, force)
    summaries: list[dict[str, Any]] = []
    for run in found:
        path = judge(run, out or default_output(run))
        if not json:
            console.result(str(path))
        summaries += summarise(path)["runs"]
    if json:
        console.result_json({"runs": summaries})
    for summary in summaries:
        console.note(_table(summary))
    _explain_missing(summaries)


def _judge(
    grammar: str, url: str | None, bertscore_model: str | None, force: bool
) -> Callable[[Path, Path], Path]:
    """(run, output) -> scores file, with the tools of the command line."""
    from typing import cast

    from pbench.grammar import Choice, open_checker
    from pbench.score import open_bertscore, score_run

    checker = open_checker(cast("Choice", grammar), url)
    bertscore = open_bertscore(bertscore_model)

    def judge(run: Path, output: Path) -> Path:
        return score_run(
            run,
            checker=checker,
            bertscore=bertscore,
            out=output,
            force=force,
            on_progress=_progress(run),
        )

    return judge


def _progress(run: Path) -> Callable[[int, int], None]:
    """A log line now and then while a long run is scored."""
    last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _LOG_SECONDS:
            last = time.monotonic()
            console.note(f"{run}: {done} of {total} answers scored")

    return tell


def _print_metrics(json: bool) -> None:
    from pbench.metrics import get_metric, metric_names

    metrics = [get_metric(name) for name in metric_names()]
    if json:
        rows = [
            {"name": m.name, "version": m.version, "values": list(m.values), "needs": sorted(m.needs)}
            for m in metrics
        ]
        console.result_json({"metrics": rows})
        return
    for m in metrics:
        console.result(f"{m.name:32}{m.version:4}{', '.join(m.values)}")


def _table(summary: dict[str, Any]) -> str:
    """Means of one run for people: percent with n and the 95 % interval."""
    checker = summary["grammar_checker"]
    status = "" if summary["status"] == "complete" else f" ({summary['status']})"
    judged = "" if checker is None else f", grammar by {checker['name']} {checker['version']}"
    rows = [(task, numbers) for task, numbers in summary["tasks"].items()]
    if len(rows) > 1:
        rows.append(("mean over tasks", summary["overall"]))
    return "\n".join(
        [f"{summary['path']}{status}{judged}", *(_line(name, numbers) for name, numbers in rows)]
    )


def _line(name: str, numbers: dict[str, Any]) -> str:
    if numbers["score"] is None:
        value = "no score"
    else:
        low, high = (100 * end for end in numbers["ci95"])
        value = f"{100 * numbers['score']:5.1f} %  [{low:.1f}, {high:.1f}]"
    missing = f"  {numbers['unscored']} without a score" if numbers["unscored"] else ""
    return f"  {name:42}{value:24} n = {numbers['n']}{missing}"


def _explain_missing(summaries: list[dict[str, Any]]) -> None:
    missing = sum(summary["overall"]["unscored"] for summary in summaries)
    if missing:
        raise SamplesFailedError(
            f"{missing} samples have no score; the column `reasons` of the scores file says why"
        )
