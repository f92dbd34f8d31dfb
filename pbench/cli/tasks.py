"""`pbench tasks`: build, list, show, check, export."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pbench.cli import console
from pbench.errors import ArtifactError, UsageError

if TYPE_CHECKING:
    from pbench.records import Sample
    from pbench.tasks import Report, TaskSpec

__all__ = ["register"]


class SplitName(StrEnum):
    """Which samples: those of the benchmark, or others for training."""

    test = "test"
    train = "train"


class Format(StrEnum):
    """Forms of `tasks export`."""

    sft = "sft"


group = typer.Typer(
    name="tasks",
    help="Build, list, show, check and export tasks.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_JSON = typer.Option(False, "--json", help="One JSON object on stdout.")
_SPLIT = typer.Option(
    SplitName.test, "--split", help="test: the benchmark; train: others, never one of test."
)


def register(app: typer.Typer) -> None:
    """Add the group `tasks`."""
    app.add_typer(group)


@group.command()
def build(
    names: list[str] = typer.Argument(None, metavar="[SUITE|TASK|FILE]...", help="Default: benchmark."),
    everything: bool = typer.Option(False, "--all", help="All suites that come with pbench."),
    out: Path = typer.Option(Path("data"), "--out", help="Folder to write to."),
    split: SplitName = _SPLIT,
    samples: int = typer.Option(
        None, "--samples", min=1, help="Samples of each task instead of its own number."
    ),
    as_json: bool = _JSON,
) -> None:
    """Write one samples file a task, OUT/<group>/<task>.parquet; print the paths."""
    from pbench import tasks

    if everything and names:
        raise UsageError("give either --all or names of suites")
    specs = (
        tasks.all_tasks() if everything else tasks.resolve(console.split_list(names) or [tasks.DEFAULT_SUITE])
    )
    paths = tasks.build(specs, out, split.value, samples)
    if as_json:
        files = [{"task": spec.name, "path": str(path)} for spec, path in zip(specs, paths, strict=True)]
        console.result_json({"files": files})
        return
    for path in paths:
        console.result(str(path))
    console.note(f"{len(paths)} tasks in {out}; `pbench decode --data {out}` answers them")


@group.command(name="list")
def list_tasks(
    suite: str = typer.Option(
        None, "--suite", help="A suite or a suite file; default: all that come with pbench."
    ),
    as_json: bool = _JSON,
) -> None:
    """List tasks with category, samples, metric, gen_length and content hash."""
    from pbench import tasks

    specs = tasks.all_tasks() if suite is None else tasks.load_suite(suite).tasks
    entries = list(tasks.describe(specs))
    if as_json:
        console.result_json({"tasks": entries})
        return
    shown = [entry | {"hash": entry["hash"][:10]} for entry in entries]
    for line in _table(["name", "category", "samples", "metric", "gen_length", "hash"], shown):
        console.result(line)


def _table(columns: list[str], entries: list[dict[str, Any]]) -> list[str]:
    rows = [columns, *([str(entry[column]) for column in columns] for entry in entries)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


@group.command()
def show(
    task: str = typer.Argument(metavar="TASK", help="A task, e.g. copy or waiting_line/copy."),
    count: int = typer.Option(1, "-n", "--number", min=1, help="How many samples."),
    split: SplitName = _SPLIT,
    as_json: bool = _JSON,
) -> None:
    """Show samples as a model sees them, then a right answer."""
    from pbench import tasks

    specs = tasks.resolve([task])
    if len(specs) > 1:
        raise UsageError(
            f"{task!r} is {len(specs)} tasks ({', '.join(spec.name for spec in specs)}); name one"
        )
    samples = _first(specs[0], split, count)
    if as_json:
        console.result_json({"samples": [_plain(sample) for sample in samples]})
        return
    for sample in samples:
        console.result(console.clean(_readable(sample)))


def _first(spec: TaskSpec, split: SplitName, count: int) -> list[Sample]:
    """Evenly spread over a test split, so that every length is seen; the first ones of another."""
    from pbench.tasks import generate

    if split is SplitName.train:
        return list(generate(spec, "train", count))
    samples = list(generate(spec))
    count = min(count, len(samples))
    return [samples[place * len(samples) // count] for place in range(count)]


def _plain(sample: Sample) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(sample)


def _readable(sample: Sample) -> str:
    from pbench.tasks import reference_text

    head = f"=== {sample.sample_id} ({sample.category}, {sample.metric}, gen_length {sample.gen_length})"
    turns = [f"--- {message['role']}\n{message['content']}" for message in sample.messages]
    text = reference_text(sample)
    answer = "--- (no reference answer)" if text is None else f"--- a right answer\n{text}"
    return "\n".join([head, *turns, answer, ""])


@group.command()
def check(
    target: str = typer.Argument(
        metavar="FILE", help="A suite, a suite file, a samples file or a folder of them."
    ),
    as_json: bool = _JSON,
) -> None:
    """Check that right answers score 1, nothing stands twice, splits are apart, texts are grammatical."""
    from pbench import tasks
    from pbench.grammar import open_checker

    checker = open_checker("harper")
    path = Path(target)
    is_data = not target.endswith((".yaml", ".yml")) and (
        path.suffix in (".parquet", ".jsonl") or path.is_dir()
    )
    report = (
        tasks.check_files(path, checker) if is_data else tasks.check_suite(tasks.resolve([target]), checker)
    )
    _tell(report, as_json)
    if report.problems:
        failure = ArtifactError if is_data else UsageError
        raise failure(f"{target}: {len(report.problems)} problems in {report.tasks} tasks")


def _tell(report: Report, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        console.result_json(asdict(report))
        return
    for problem in report.problems:
        console.result(console.clean(problem))
    if not report.problems:
        without = f" ({report.unanswered} without a reference answer)" if report.unanswered else ""
        console.result(f"ok: {report.tasks} tasks, {report.samples} samples{without}")


@group.command()
def export(
    form: Format = typer.Option(Format.sft, "--format", help="sft: lines of prompt messages and completion."),
    names: list[str] = typer.Option(None, "--tasks", help="Tasks and suites; default: the waiting line."),
    split: SplitName = typer.Option(SplitName.train, "--split", help="train, or test."),
    samples: int = typer.Option(None, "--samples", min=1, help="Samples of each task."),
    out: Path = typer.Option(..., "--out", help="JSONL file to write."),
) -> None:
    """Write prompts and right answers for fine-tuning; print the path."""
    from pbench import tasks

    del form  # there is one, and it has been checked
    specs = tasks.resolve(console.split_list(names) or ["waiting_line"])
    console.result(str(tasks.export_sft(specs, out, split.value, samples)))
