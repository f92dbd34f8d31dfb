"""`pbench trace RUN [SAMPLE]`: how one answer was unmasked, step by step."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pbench.cli import console
from pbench.errors import UsageError

if TYPE_CHECKING:
    from pbench.records import Generation
    from pbench.report.browser import Run

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(trace)


def trace(
    run: Path = typer.Argument(metavar="RUN", help="Generations, or the scores made from them."),
    sample: str = typer.Argument(
        None,
        metavar="SAMPLE",
        help="Sample id, e.g. waiting_line/shuffle/3, or its end (shuffle/3). Default: the first.",
    ),
    beside: Path = typer.Option(None, "--beside", help="A second run, to show the same sample of it, too."),
    step: int = typer.Option(None, "--step", min=0, help="Only the answer after this step (0: before all)."),
    every: int = typer.Option(
        None, "--every", min=1, help="Every n-th step; default: so that about 40 are shown. 1 = all."
    ),
    html: Path = typer.Option(
        None, "--html", help="Write the viewer to this file instead: with SAMPLE that one, else all that fit."
    ),
    json: bool = typer.Option(False, "--json", help="Every step as JSON."),
) -> None:
    """Replay how an answer was unmasked. Shows the answer after each step, and each commit's confidence."""
    paths = [run] if beside is None else [run, beside]
    if html is not None:
        console.result(_write_page(paths, sample, html, json))
        return
    runs = [_load(path, sample) for path in paths]
    name = _chosen(runs[0], sample, run)
    shown = [(one, _of(one, name, path)) for one, path in zip(runs, paths, strict=True)]
    if json:
        console.result_json(_json(shown))
        return
    if sample is None:
        console.note(f"the first sample with a trace; name another: pbench trace {run} SAMPLE")
    for one, generation in shown:
        _print(one, generation, step, every)


def _load(path: Path, sample: str | None) -> Run:
    from pbench.report.page_runs import find_samples, run_of_file

    return run_of_file(path, find_samples(path, sample))


def _chosen(run: Run, sample: str | None, path: Path) -> str:
    """The one sample asked for, or the first that can be replayed."""
    names = list(run.generations)
    if sample is not None:
        return names[0]
    traced = (name for name, row in run.generations.items() if row.trace)
    found = next(traced, None)
    if found is None:
        raise UsageError(f"{path}: no answer in it was unmasked step by step (no row has a trace)")
    return found


def _of(run: Run, name: str, path: Path) -> Generation:
    if name not in run.generations:
        raise UsageError(f"{path}: has no sample {name}; compare runs of the same samples")
    return run.generations[name]


def _json(shown: list[tuple[Run, Generation]]) -> dict[str, object]:
    from pbench.report.replay import replay_json

    return {"traces": [replay_json(generation, run.tokens, run.name) for run, generation in shown]}


def _print(run: Run, generation: Generation, step: int | None, every: int | None) -> None:
    from pbench.report.replay import head_lines, replay_text
    from pbench.traces import last_step

    console.result("\n".join(head_lines(generation, run.name)))
    if not generation.trace:
        console.result("no trace: this answer was not unmasked step by step\n")
        return
    if run.note:
        console.note(f"{run.name}: {run.note}")
    steps = _steps(last_step(generation.trace), step, every)
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    console.result(_rendered(replay_text(generation, run.tokens, steps, coloured), coloured))


def _steps(last: int, step: int | None, every: int | None) -> list[int]:
    from pbench.report.replay import stride

    if step is not None:
        if step > last:
            raise UsageError(f"--step {step}: this answer took {last} steps")
        return [step]
    every = every or stride(last)
    if every > 1:
        console.note(f"every {every}. of {last} steps; --every 1 shows all")
    return sorted({*range(0, last + 1, every), last})


def _rendered(text: object, coloured: bool) -> str:
    import io

    from rich.console import Console

    out = io.StringIO()
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 100
    Console(
        file=out, width=width, force_terminal=coloured, no_color=not coloured, highlight=False, emoji=False
    ).print(text, soft_wrap=False)
    return out.getvalue().rstrip("\n") + "\n"


def _write_page(paths: list[Path], sample: str | None, target: Path, json: bool) -> str:
    from pbench.artifacts import atomic_text
    from pbench.report.browser import Limits
    from pbench.report.html import trace_page

    if json:
        raise UsageError("--json and --html exclude each other; give one of them")
    runs = [_load(path, sample) for path in paths]
    atomic_text(target, trace_page(runs, Limits()))
    return str(target)
