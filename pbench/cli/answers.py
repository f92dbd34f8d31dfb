"""`pbench score --answers`: where the samples that an answers file names come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pbench.cli import console
from pbench.cli.data import found_tasks, load_tasks, names_of
from pbench.errors import UsageError

if TYPE_CHECKING:
    from pbench.decode.data import TaskData

__all__ = ["run_of_answers"]


def run_of_answers(answers: Path, data: Path | None, out: Path | None) -> tuple[Path, Path]:
    """The generations file made of `answers`, and where its scores go.

    Samples are those of the folder `data` (default ./data where it exists), else the benchmark's.
    """
    from pbench.artifacts import read_manifest
    from pbench.score import answers_output, answers_run, default_output

    generations = answers_run(answers, _loader(data), answers_output(answers, out))
    for name, task in read_manifest(generations)["tasks"].items():
        if task["done"] < task["selected"]:
            missing = task["selected"] - task["done"]
            console.warn(
                f"{answers}: {missing} of the {task['selected']} samples of {name} have no answer in it"
            )
    return generations, out or default_output(generations)


def _loader(data: Path | None) -> Callable[[str], TaskData]:
    found = found_tasks(data)

    def load(name: str) -> TaskData:
        names = names_of([name], list(found))
        if len(names) > 1:
            raise UsageError(f"{name!r} is {len(names)} tasks ({', '.join(names)}); name one")
        [task] = load_tasks(names, found)
        return task

    return load
