"""`pbench samplers frequencies`: builds the table of token frequencies that sampler pc needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from pbench.cli import console
from pbench.cli.tasks import SplitName
from pbench.errors import ArtifactError, UsageError

__all__ = ["frequencies"]


def frequencies(
    model: str = typer.Option("tiny", help="The model (name or folder) whose tokenizer counts."),
    text: list[Path] = typer.Option(None, help="Text files; each line that is not empty is one text."),
    tasks: list[str] = typer.Option(None, help="Tasks and suites whose right answers are the texts."),
    split: SplitName = typer.Option(SplitName.train, help="Of --tasks: which samples' answers."),
    samples: int = typer.Option(None, min=1, help="Of --tasks: samples of each. Default: as the suite says."),
    out: Path = typer.Option(..., help="The table to write, a .json file."),
) -> None:
    """Count tokens for the table that sampler pc needs. Prints its path."""
    from pbench.models import find_model
    from pbench.samplers.frequencies import TextCounter, write_table

    names = console.split_list(tasks)
    if bool(text) == bool(names):
        raise UsageError("say what to count: either --text FILE or --tasks TASK,TASK")
    if out.suffix != ".json":
        raise UsageError(f"--out {out}: the name must end in .json")
    info = find_model(model)
    if info.folder is None:
        raise UsageError(f"model {model!r} has no local folder with a tokenizer.json; give that folder")
    counter = TextCounter(info.name, info.folder)
    if text:
        table = counter.count(_lines(text), " ".join(path.name for path in text))
    else:
        table = counter.count(
            _right_answers(names, split, samples), f"{split.value} answers: {' '.join(names)}"
        )
    console.note(
        f"{sum(table.counts.values())} tokens, {len(table.counts)} different ones; hash {table.hash}"
    )
    console.result(str(write_table(table, out)))


def _lines(paths: list[Path]) -> Iterator[str]:
    """Lines of text files without their ends; UsageError for what cannot be read as UTF-8."""
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                yield from (line.rstrip("\n") for line in file if line.strip())
        except OSError as error:
            raise ArtifactError(f"{path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ArtifactError(f"{path}: is not UTF-8 text") from None


def _right_answers(names: list[str], split: SplitName, samples: int | None) -> Iterator[str]:
    """One right answer to each sample; tasks that know none are named and left out."""
    from pbench.tasks import generate, reference_text, resolve

    for spec in resolve(names):
        answers = [reference_text(sample) for sample in generate(spec, split.value, samples)]
        if None in answers:
            console.note(f"{spec.name}: left out, for it knows no right answers")
            continue
        yield from (answer for answer in answers if answer is not None)
