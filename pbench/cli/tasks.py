"""`pbench tasks`: build, import, list, show, check, export."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pbench.cli import console
from pbench.errors import ArtifactError, UsageError

if TYPE_CHECKING:
    from pbench.records import Sample
    from pbench.tasks import Report

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
    help="Build, import, list, show, check and export tasks.",
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
    names: list[str] = typer.Argument(None, metavar="SUITE|TASK|FILE", help="Default: benchmark."),
    everything: bool = typer.Option(False, "--all", help="All suites that come with pbench."),
    out: Path = typer.Option(Path("data"), "--out", help="Folder to write to."),
    split: SplitName = _SPLIT,
    samples: int = typer.Option(
        None, "--samples", min=1, help="Samples of each task instead of its own number."
    ),
    as_json: bool = _JSON,
) -> None:
    """Write samples files, one a task. Prints their paths, OUT/<group>/<task>.parquet."""
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


@group.command(name="import")
def import_folder(
    folder: Path = typer.Argument(metavar="DIR", help="A checkout of the original benchmark, or its data."),
    out: Path = typer.Option(Path("imported"), "--out", help="Folder to write to."),
    as_json: bool = _JSON,
) -> None:
    """Take in the original benchmark's own data. Prints the samples files, OUT/<group>/<task>.parquet."""
    from pbench import tasks

    imported = tasks.import_data(folder, out)
    for line in imported.left_out:
        console.warn(f"left out: {line}")
    if as_json:
        files = [
            {"task": "/".join(path.with_suffix("").parts[-2:]), "path": str(path)} for path in imported.paths
        ]
        console.result_json({"files": files, "left_out": list(imported.left_out)})
        return
    for path in imported.paths:
        console.result(str(path))
    console.note(f"{len(imported.paths)} tasks in {out}; `pbench decode --data {out}` answers them")


@group.command(name="list")
def list_tasks(
    suite: str = typer.Option(
        None, "--suite", metavar="S", help="A suite or a suite file. Default: all that come with pbench."
    ),
    as_json: bool = _JSON,
) -> None:
    """List tasks. With category, samples, metric, gen_length (tokens) and content hash."""
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
    task: str = typer.Argument(
        metavar="TASK",
        help="A task (copy, waiting_line/copy), a sample (waiting_line/copy/17) or a samples file.",
    ),
    count: int = typer.Option(1, "-n", "--number", min=1, help="How many samples."),
    index: int = typer.Option(None, "--index", min=0, help="The sample with this index, and no others."),
    data: Path = typer.Option(None, "--data", help="Folder of samples files to take the task from."),
    split: SplitName = _SPLIT,
    as_json: bool = _JSON,
) -> None:
    """Show samples as a model sees them, then a right answer."""
    name, _, last = task.rpartition("/")
    if index is None and name and last.isascii() and last.isdigit():
        task, index = name, int(last)
    if index is not None and count > 1:
        raise UsageError(f"-n {count} samples, but {task}/{index} is one; drop -n or the index")
    drawn = count if index is None else index + 1
    samples = _chosen(_all_samples(task, data, split, drawn), task, index, count, split)
    if index is None and len(samples) < count:
        console.warn(f"{task} has {len(samples)} samples, not {count}; all of them are shown")
    if as_json:
        console.result_json({"samples": [_plain(sample) for sample in samples]})
        return
    for sample in samples:
        console.result(console.clean(_readable(sample)))


def _all_samples(task: str, data: Path | None, split: SplitName, count: int) -> list[Sample]:
    """The samples of a file, of a task in a data folder, or of a shipped task."""
    from pbench import tasks

    path = Path(task) if data is None else _file_of(task, data)
    if path.suffix in (".parquet", ".jsonl"):
        from pbench.artifacts import read_rows

        return list(read_rows(path, "samples"))
    specs = tasks.resolve([task])
    if len(specs) > 1:
        raise UsageError(
            f"{task!r} is {len(specs)} tasks ({', '.join(spec.name for spec in specs)}); name one"
        )
    return list(tasks.generate(specs[0], split.value, count if split is SplitName.train else None))


def _file_of(task: str, data: Path) -> Path:
    from pbench.cli.data import found_tasks
    from pbench.decode.data import choose

    found = found_tasks(data)
    names = choose([task], list(found))
    if len(names) > 1:
        raise UsageError(f"{task!r} is {len(names)} tasks ({', '.join(names)}); name one")
    return found[names[0]]


def _chosen(
    samples: list[Sample], task: str, index: int | None, count: int, split: SplitName
) -> list[Sample]:
    """The sample with `index`; else some, spread evenly over a test split, so that every length is seen."""
    if index is not None:
        found = [sample for sample in samples if sample.index == index]
        if not found:
            raise UsageError(f"{task}: no sample has the index {index}; there are {len(samples)}, from 0")
        return found
    if split is SplitName.train:
        return samples[:count]
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
        None, metavar="FILE", help="A suite, a suite file, a samples file or a folder of them."
    ),
    everything: bool = typer.Option(False, "--all", help="All suites that come with pbench."),
    as_json: bool = _JSON,
) -> None:
    """Check a suite or a folder of samples files. Right answers score 1, nothing stands twice,
    splits are apart, texts are grammatical.
    """
    if everything == (target is not None):
        raise UsageError("name a suite, a samples file or a folder to check, or give --all")
    from pbench import tasks
    from pbench.grammar import open_checker

    checker = open_checker("harper")
    path = Path(target or "")
    is_data = path.suffix in (".parquet", ".jsonl") or (target is not None and path.is_dir())
    if is_data:
        report = tasks.check_files(path, checker)
    else:
        specs = tasks.all_tasks() if everything else tasks.resolve([target])
        report = tasks.check_suite(specs, checker)
    _tell(report, as_json)
    if report.problems:
        failure = ArtifactError if is_data else UsageError
        raise failure(f"{target or 'all suites'}: {len(report.problems)} problems in {report.tasks} tasks")


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


@group.command(name="oracle-answers")
def oracle_answers(
    names: list[str] = typer.Argument(None, metavar="SUITE|TASK|FILE", help="Default: benchmark and extras."),
    limit: int = typer.Option(10, "--limit", min=1, help="Samples of each task, spread evenly over it."),
    as_json: bool = _JSON,
) -> None:
    """Score answers that are right, or wrong in a known way. Prints the table of docs/metrics.md."""
    from pbench import tasks
    from pbench.grammar import open_checker

    specs = tasks.resolve(console.split_list(names) or [tasks.DEFAULT_SUITE, "extras"])
    result = tasks.oracle_answers(specs, open_checker("harper"), limit)
    if as_json:
        rows = [row._asdict() for row in result.rows]
        console.result_json({"rows": rows, "problems": result.problems})
    else:
        console.result(tasks.markdown(result))
    for problem in result.problems if not as_json else ():
        console.note(problem)
    if result.problems:
        raise UsageError(f"{len(result.problems)} answers do not score what they should")


@group.command()
def export(
    form: Format = typer.Option(Format.sft, "--format", help="sft: lines of prompt messages and completion."),
    names: list[str] = typer.Option(
        None, "--tasks", metavar="T,...", help="Tasks and suites. Default: waiting_line."
    ),
    split: SplitName = typer.Option(
        SplitName.train, "--split", help="train: others than the benchmark's; test: the benchmark."
    ),
    samples: int = typer.Option(
        None, "--samples", min=1, help="Samples of each task. Default: its own number."
    ),
    out: Path = typer.Option(..., "--out", help="JSONL file to write."),
) -> None:
    """Write prompts and right answers for fine-tuning. Prints the path."""
    from pbench import tasks

    del form  # there is one, and it has been checked
    specs = tasks.resolve(console.split_list(names) or ["waiting_line"])
    console.result(str(tasks.export_sft(specs, out, split.value, samples)))
