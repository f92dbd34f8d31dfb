"""`pbench theory table1 | bounds | schedule | simulate | league`: what no model can avoid, and why."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pbench.cli import console
from pbench.errors import UsageError

if TYPE_CHECKING:
    from pbench.theory.cells import Cell, Checked
    from pbench.theory.figure2 import Panel
    from pbench.theory.sheets import Sheet
    from pbench.theory.tasks import TheoryTask

__all__ = ["register"]

group = typer.Typer(
    name="theory",
    help="Bounds, closed forms and simulations of parallel decoding.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_DEFAULT_N = 10
_LOG_SECONDS = 30.0


class Format(StrEnum):
    """Forms of a table."""

    table = "table"
    md = "md"
    markdown = "markdown"


_JSON = typer.Option(False, "--json", help="One JSON object on stdout.")
_FORMAT = typer.Option(Format.table, "--format", help="table, md or markdown.")
_SAMPLES = typer.Option(None, "--samples", min=1, help="Samples a cell.")
_SEED = typer.Option(0, "--seed", min=0, max=2**63 - 1, help="Seed of the simulation.")


def register(app: typer.Typer) -> None:
    app.add_typer(group)


@group.command()
def table1(
    n: int = typer.Option(_DEFAULT_N, "--n", metavar="N", help="Items of the list."),
    gamma: list[str] = typer.Option(None, metavar="G,...", help="Thresholds. Default: 0.6 to 1.0."),
    check: bool = typer.Option(
        False, "--check", help="Set every cell beside an enumeration (n <= 8) and a simulation."
    ),
    samples: int = _SAMPLES,
    seed: int = _SEED,
    form: Format = _FORMAT,
    as_json: bool = _JSON,
) -> None:
    """The paper's summary table for any n. C(Y|X) in bits, accuracy of an ideal model."""
    from pbench.theory.sheets import check_sheet, table1_sheets
    from pbench.theory.table1 import GAMMAS, table1

    if not check and samples is not None:
        raise UsageError("--samples says how much --check simulates; give --check, too")
    gammas = _numbers(gamma, float, "--gamma") or GAMMAS
    rows = table1(n, gammas)
    checked = _check(n, gammas, samples, seed) if check else []
    if as_json:
        found: dict[str, Any] = {"n": n, "rows": [row.payload() for row in rows]}
        console.result_json(found | (_check_payload(checked) if check else {}))
        return
    sheets = table1_sheets(n, rows) + ([check_sheet(checked)] if check else [])
    console.result(_render(sheets, form))
    if check:
        console.note(_coverage_text(checked))


@group.command()
def bounds(
    example: str = typer.Option(None, metavar="NAME", help="A worked example: city."),
    task: list[str] = typer.Option(None, metavar="T,...", help="Tasks. Default: replace_random, shuffle."),
    n: int = typer.Option(None, "--n", metavar="N", help=f"Items of the list. Default: {_DEFAULT_N}."),
    k: list[str] = typer.Option(None, metavar="K,...", help="Tokens a step. Default: 1, 2, 4 and all."),
    sizes: list[str] = typer.Option(None, metavar="S,...", help="One schedule: step sizes, e.g. 3,3,2,2."),
    check: bool = typer.Option(False, "--check", help="Also enumerate, and search all partitions."),
    form: Format = _FORMAT,
    as_json: bool = _JSON,
) -> None:
    """What steps of given sizes cost at least, in bits (L_T). And L*_T, the least that T steps can cost."""
    if example is not None:
        if any(value is not None for value in (n, task, k, sizes)) or check:
            raise UsageError("--example stands alone; leave out --task, --n, --k, --sizes and --check")
        _show_example(example, form, as_json)
        return
    from pbench.theory.survey import check_survey, survey

    found = []
    for one, items in _tasks(task, n):
        plans = _plans(one, items, _numbers(k, int, "--k"), _numbers(sizes, int, "--sizes"))
        if one.name == "latin_square_n4":
            console.note("latin_square_n4: going through 65,536 sets of cells; about 15 seconds")
        surveyed = survey(one, items, plans)
        found.append((surveyed, check_survey(surveyed, one) if check else None))
    if as_json:
        console.result_json({"tasks": [one.payload() | {"check": checked} for one, checked in found]})
        return
    from pbench.theory.sheets import survey_sheets

    console.result(_render([sheet for one, _ in found for sheet in survey_sheets(one)], form))
    for one, checked in found:
        if one.why is not None:
            console.note(f"{one.task}: {one.why}; L_T of given sizes has no such limit")
        if checked is not None:
            console.note(
                f"{one.task}: {checked['compared']} values agree with {checked['answers']:,} listed answers"
                f" and {checked['partitions']:,} partitions to {checked['largest']:.1g} bits"
            )


@group.command()
def simulate(
    n: list[str] = typer.Option(
        None, "--n", metavar="N,...", help="Items of the lists. Default: 6,8,10,12,16."
    ),
    gamma: list[str] = typer.Option(None, metavar="G,...", help="Thresholds. Default: 0.6 to 1.0."),
    threshold_n: int = typer.Option(_DEFAULT_N, min=1, help="Items of the list in the panel of thresholds."),
    general: bool = typer.Option(
        False, "--general", help="Also k = 3, 4, 5, both orders, τ = 1, thresholds at the edges."
    ),
    samples: int = typer.Option(20_000, "--samples", min=1, help="Samples a cell."),
    seed: int = _SEED,
    workers: int = typer.Option(None, min=1, help="Processes. Default: one a core."),
    out: Path = typer.Option(None, metavar="DIR", help="Write table, JSON and plots (SVG, PNG, Vega-Lite)."),
    form: Format = _FORMAT,
    as_json: bool = _JSON,
) -> None:
    """The five panels of the paper's figure 2. Real engine and samplers on the oracle, and closed forms."""
    from pbench.theory.figure2 import LENGTHS, figure2, general_cells
    from pbench.theory.table1 import GAMMAS, check_gammas, check_n

    lengths = _numbers(n, int, "--n") or LENGTHS
    for length in (*lengths, threshold_n):
        check_n(length)
    panels = figure2(lengths, check_gammas(_numbers(gamma, float, "--gamma") or GAMMAS), threshold_n)
    further = general_cells(lengths) if general else []
    cells = [cell for panel in panels for cell in panel.cells] + further
    checked = _simulated(cells, samples, seed, workers)
    if out is not None:
        console.result(str(_write_simulation(out, panels, checked, samples)))
    elif as_json:
        console.result_json(_check_payload(checked))
    else:
        from pbench.theory.sheets import check_sheet

        console.result(_render([check_sheet(checked)], form))
    console.note(_coverage_text(checked))


def _simulated(cells: Sequence[Cell], samples: int, seed: int, workers: int | None) -> list[Checked]:
    """All cells, each once, with a line now and then while they are simulated."""
    import os
    import time

    from pbench.theory.cells import distinct
    from pbench.theory.simulate import simulate_cells

    found: list[Checked] = []
    todo = distinct(cells)
    last = time.monotonic()
    for one in simulate_cells(todo, samples, seed, workers or os.cpu_count() or 1):
        found.append(one)
        if time.monotonic() - last >= _LOG_SECONDS:
            last = time.monotonic()
            console.note(f"{len(found)} of {len(todo)} cells simulated")
    return found


def _write_simulation(out: Path, panels: Sequence[Panel], checked: Sequence[Checked], samples: int) -> Path:
    """simulate.md with pictures and data beside it; the path of simulate.md."""
    import orjson

    from pbench.artifacts import atomic_file, atomic_text
    from pbench.report.charts import png, svg
    from pbench.report.formats import Table, markdown
    from pbench.theory.charts import panels_chart
    from pbench.theory.sheets import check_sheet

    chart = panels_chart(panels, checked, samples)
    atomic_text(out / "simulate.svg", svg(chart))
    with atomic_file(out / "simulate.png") as file:
        file.write(png(chart))
    atomic_text(out / "simulate.vl.json", orjson.dumps(chart, option=orjson.OPT_INDENT_2).decode())
    data = {"schema_version": console.SCHEMA_VERSION, **_check_payload(checked)}
    atomic_text(out / "simulate.json", orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())
    table = markdown(Table(*check_sheet(checked)))
    text = f"![five panels](simulate.svg)\n\n{_coverage_text(checked)}.\n\n{table}"
    atomic_text(out / "simulate.md", text)
    return out / "simulate.md"


@group.command()
def league(
    n: int = typer.Option(_DEFAULT_N, "--n", metavar="N", help="Items of the lists."),
    sampler: list[str] = typer.Option(None, metavar="S,...", help="Samplers. Default: all that can play."),
    temperature: float = typer.Option(0.0, min=0.0, help="0: greedy; 1: tokens drawn."),
    samples: int = typer.Option(500, "--samples", min=1, help="Samples of each task."),
    seed: int = _SEED,
    workers: int = typer.Option(None, min=1, help="Processes. Default: one a core."),
    form: Format = _FORMAT,
    as_json: bool = _JSON,
) -> None:
    """Every sampler over its sweep on the exact oracle. Accuracy, speed, distance to what is possible."""
    import os

    from pbench.samplers import SAMPLERS
    from pbench.theory.league import check_league
    from pbench.theory.league import league as play
    from pbench.theory.league_sheets import league_sheets

    names = console.split_list(sampler)
    check_league(n, names, temperature)
    console.note("decoding ten list tasks at every setting of every sampler; this takes minutes")
    found = play(n, samples, temperature, seed, samplers=names, workers=workers or os.cpu_count() or 1)
    for name in found.left_out:
        if name in SAMPLERS.broken:
            console.warn(f"left out: {SAMPLERS.broken[name]}")
    if as_json:
        console.result_json(found.payload())
        return
    console.result(_render(league_sheets(found), form))
    for name, reason in found.left_out.items():
        if name not in SAMPLERS.broken:
            console.note(f"{name} does not play: {reason}")


@group.command()
def schedule(
    runs: list[Path] = typer.Argument(metavar="RUN", help="Generations that `pbench decode` wrote."),
    model: str = typer.Option(
        None, metavar="NAME", help="Model of the runs, where their own name is not it."
    ),
    form: Format = _FORMAT,
    as_json: bool = _JSON,
) -> None:
    """What the steps that a sampler chose cost. Accuracy reached / best with these steps."""
    from pbench.theory.runs import run_bounds

    found = [run_bounds(path, model) for path in runs]
    if as_json:
        console.result_json({"runs": [run.payload() for run in found]})
        return
    from pbench.theory.sheets import run_sheet

    console.result(_render([run_sheet(run) for run in found], form))
    for run in found:
        for task in run.tasks:
            for reason, count in task.left_out.items():
                console.note(f"{run.path}: {task.task}: {count} left out: {reason}")


def _show_example(name: str, form: Format, as_json: bool) -> None:
    from pbench.errors import unknown_name
    from pbench.theory.examples import EXAMPLES
    from pbench.theory.sheets import example_sheets

    if name not in EXAMPLES:
        raise unknown_name("example", name, EXAMPLES)
    example = EXAMPLES[name]
    if not as_json:
        console.result(_render(example_sheets(example), form))
        return
    console.result_json(
        {
            "example": name,
            "answers": [" ".join(words) for words in example.answers],
            "marginals": example.marginals(),
            "one_step": [
                {"text": " ".join(one.words), "probability": one.probability, "valid": one.valid}
                for one in example.mixtures()
            ],
            "total_correlation": example.total_correlation,
            "one_step_accuracy": example.one_step_accuracy,
            "best": example.best_bits(),
        }
    )


def _tasks(names: Sequence[str] | None, n: int | None) -> list[tuple[TheoryTask, int]]:
    from pbench.theory.tasks import get_task

    chosen = [get_task(name) for name in console.split_list(names) or ("replace_random", "shuffle")]
    return [(task, n if n is not None else task.fixed_n or _DEFAULT_N) for task in chosen]


def _plans(task: TheoryTask, n: int, ks: Sequence[int], sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Step sizes that were asked for; k = 1, 2, 4 and all at once where nothing was."""
    from pbench.theory.bounds import sizes_of

    task.check_n(n)
    positions = task.positions(n)
    if sizes:
        return [tuple(sizes)] + [sizes_of(positions, k) for k in ks]
    wanted = ks or sorted({k for k in (1, 2, 4, positions) if k <= positions})
    return [sizes_of(positions, k) for k in wanted]


def _numbers(values: Iterable[str] | None, kind: type, option: str) -> list[Any]:
    found = []
    for piece in console.split_list(values):
        try:
            found.append(kind(piece))
        except ValueError:
            raise UsageError(f"{option} {piece!r}: numbers with commas between them are wanted") from None
    return found


def _check(n: int, gammas: Sequence[float], samples: int | None, seed: int) -> list[Checked]:
    """Every cell of the table, enumerated and simulated; what has one answer with fewer samples."""
    import torch

    from pbench.theory.simulate import simulate_cells
    from pbench.theory.table1 import CHECK_SAMPLES, FEW_SAMPLES, cells_of
    from pbench.theory.tasks import FIXED

    torch.set_num_threads(1)  # small tensors are no work to share out
    found: list[Checked] = []
    for fixed, default in ((True, FEW_SAMPLES), (False, CHECK_SAMPLES)):
        cells = [cell for cell in cells_of(n, gammas) if (cell.task in FIXED) is fixed]
        found += simulate_cells(cells, samples or default, seed)
    return found


def _check_payload(checked: Sequence[Checked]) -> dict[str, Any]:
    from pbench.theory.cells import coverage

    inside, cells = coverage(checked)
    return {"check": [one.payload() for one in checked], "coverage": {"inside": inside, "cells": cells}}


def _coverage_text(checked: Sequence[Checked]) -> str:
    from pbench.theory.cells import coverage

    inside, cells = coverage(checked)
    return f"{inside} of {cells} closed forms lie in the simulation's 95 % interval"


def _render(sheets: Iterable[Sheet], form: Format) -> str:
    """All tables in one form; a terminal's width where there is one."""
    from pbench.report.formats import Table, markdown, terminal

    tables = [Table(*sheet) for sheet in sheets]
    if form is not Format.table:
        return "\n".join(markdown(table) for table in tables).rstrip("\n")
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1_000
    return "\n".join(terminal(table, width) for table in tables).rstrip("\n")
