"""`pbench score RUN...`: judge generations, write scores, print where they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pbench.cli import console
from pbench.errors import PbenchError, SamplesFailedError, UsageError

if TYPE_CHECKING:
    from pbench.score import Job, Tools

__all__ = ["register"]

_LINE = 160  # characters of a reason


def register(app: typer.Typer) -> None:
    app.command()(score)


def score(
    runs: list[str] = typer.Argument(
        None, metavar="RUN", help="Generations: files, folders (searched), or - for paths on stdin."
    ),
    answers: list[Path] = typer.Option(
        None, "--answers", metavar="FILE", help="Another engine's answers (JSONL), made a run and scored."
    ),
    data: Path = typer.Option(
        None,
        "--data",
        metavar="DIR",
        help="Samples that --answers answer. Default: ./data, else the shipped tasks.",
    ),
    grammar: str = typer.Option(
        "auto", metavar="NAME", help="Grammar checker: auto, languagetool or harper."
    ),
    languagetool_url: str = typer.Option(None, metavar="URL", help="A running LanguageTool server."),
    bertscore_model: str = typer.Option(
        None, metavar="MODEL", help="Model for BERTScore: local folder or hub id (extra bertscore)."
    ),
    out: Path = typer.Option(
        None, metavar="FILE", help="Where the scores of one run go. Default: RUN.scores.parquet."
    ),
    force: bool = typer.Option(False, "--force", help="Score again what is scored already."),
    workers: int = typer.Option(None, min=1, help="At most this many cores. Default: as many as pay."),
    json: bool = typer.Option(False, "--json", help="Print the means as JSON instead of the paths."),
    list_metrics: bool = typer.Option(False, "--list", help="Print the metrics and their versions."),
) -> None:
    """Score runs. Prints the path of each scores file; exit code 3 if some samples have no score."""
    if list_metrics:
        _print_metrics(json)
        return
    from pbench.score import Job, default_output, find_runs, summarise, unfinished

    if not runs and not answers:
        raise UsageError("name a run to score: pbench score RUN... (a file, a folder, or -)")
    for journal in unfinished(runs or []):
        console.warn(f"{journal}: holds answers of an unfinished run, not scored; the same decode goes on")
    found = [(run, out or default_output(run)) for run in (find_runs(runs) if runs else [])]
    if out is not None and len(found) + len(answers or ()) > 1:
        raise UsageError("--out names one file, but there are several runs; leave it out")
    if answers:
        from pbench.cli.answers import run_of_answers

        found += [run_of_answers(path, data, out) for path in answers]
    jobs = [Job(run, output) for run, output in found]
    with _tools(jobs, grammar, languagetool_url, bertscore_model, force, workers) as tools:
        results = _scored(jobs, tools, force, workers, not json)
    summaries = [run for path in results if isinstance(path, Path) for run in summarise(path)["runs"]]
    if json:
        console.result_json({"runs": summaries})
    for summary in summaries:
        console.note(_table(summary))
        _warn_of_cuts(summary)
    _explain_missing(summaries, [result for result in results if isinstance(result, PbenchError)])


@contextmanager
def _tools(
    jobs: Sequence[Job],
    grammar: str,
    url: str | None,
    bertscore_model: str | None,
    force: bool,
    workers: int | None,
) -> Iterator[Tools]:
    """The tools that the metrics of these runs ask for; a server of ours ends with the block."""
    from pbench.grammar import LanguageToolChecker, open_checker, require_choice
    from pbench.score import Tools, needs_of, open_bertscore, refuse_other_checker

    choice = require_choice(grammar, url)
    needs = {need for job in jobs for need in needs_of(job.run)}
    bertscore = open_bertscore(bertscore_model) if bertscore_model or "bertscore" in needs else None
    if "grammar" not in needs:
        yield Tools(None, bertscore)
        return
    checker = open_checker(choice, url, threads=workers, on_fallback=_tell_fallback)
    try:
        if choice == "auto" and url is None and not force:
            for job in jobs:
                refuse_other_checker(job.run, job.out, checker)
        yield Tools(checker, bertscore)
    finally:
        if isinstance(checker, LanguageToolChecker):
            checker.close()


def _tell_fallback(reason: str) -> None:
    console.note(f"grammar: harper; LanguageTool, the reference, does not run here ({reason})")


def _scored(
    jobs: Sequence[Job], tools: Tools, force: bool, workers: int | None, print_paths: bool
) -> list[Path | PbenchError]:
    """The scores file of each run, or what went wrong with it, told as they come."""
    from pbench.artifacts import read_manifest
    from pbench.cli.tally import Tally
    from pbench.score import score_runs, workers_for

    paying = workers_for(jobs, tools)
    results: list[Path | PbenchError] = []
    with Tally("scoring", "answers", sum(read_manifest(job.run)["rows"] for job in jobs)) as tally:
        for result in score_runs(
            jobs, tools, force=force, workers=min(paying, workers or paying), on_rows=tally.add
        ):
            results.append(result)
            if isinstance(result, Path) and print_paths:
                console.result(str(result))
    return results


def _print_metrics(json: bool) -> None:
    from pbench.metrics import get_metric, metric_names

    metrics = []
    for name in metric_names():
        try:
            metrics.append(get_metric(name))
        except UsageError as error:
            console.warn(str(error))
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


def _warn_of_cuts(summary: dict[str, Any]) -> None:
    readers = {"grammar": "the grammar checker reads", "similarity": "ROUGE, BLEU and BERTScore read"}
    for reader, count in summary["cut"].items():
        console.warn(
            f"{summary['path']}: answers longer than {readers[reader]}: {count}; their beginnings were judged"
        )


def _line(name: str, numbers: dict[str, Any]) -> str:
    if numbers["score"] is None:
        value = "no score"
    else:
        low, high = (100 * end for end in numbers["ci95"])
        value = f"{100 * numbers['score']:5.1f} %  [{low:.1f}, {high:.1f}]"
    missing = f"  {numbers['unscored']} without a score" if numbers["unscored"] else ""
    return f"  {name:42}{value:24} n = {numbers['n']}{missing}"


def _commonest_reason(path: Path) -> str:
    """Why most of the samples without a headline value have none, in one line."""
    from collections import Counter

    from pbench.artifacts import read_rows

    reasons = Counter(row.reasons.get(row.headline) for row in read_rows(path, "scores"))
    text = next((text for text, _ in reasons.most_common() if text), "no reason given")
    return " ".join(text.split())[:_LINE]


def _explain_missing(summaries: list[dict[str, Any]], errors: list[PbenchError]) -> None:
    """Raise what ends the command: the first run's error, or that samples have no score."""
    missing = sum(summary["overall"]["unscored"] for summary in summaries)
    message = f"{missing} samples have no score; the column `reasons` of the scores file says why"
    if missing:
        first = next(summary["path"] for summary in summaries if summary["overall"]["unscored"])
        message += f"\nmostly, in {first}: {_commonest_reason(Path(first))}"
    if errors:
        if missing:
            console.warn(message)
        for error in errors[1:]:
            console.error(str(error))
        raise errors[0]
    if missing:
        raise SamplesFailedError(message)
