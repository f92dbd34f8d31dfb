"""`pbench sweep`: a grid of decode runs; each model is loaded once, finished runs are skipped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from pbench.cli import console
from pbench.errors import ConfigError, UsageError, unknown_name

if TYPE_CHECKING:
    from pbench.decode.data import TaskData
    from pbench.decode.grid import Grid, TaskInfo
    from pbench.decode.sweep_file import Matrix, SweepFile

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(sweep)


def sweep(
    file: str = typer.Argument(
        ...,
        metavar="FILE|NAME",
        help="A YAML file, or the name of a shipped sweep: quick, paper_benchmark, ...",
    ),
    model: str = typer.Option(None, metavar="NAME", help="Run on this model in place of those of the file."),
    base_url: str = typer.Option(
        None, metavar="URL", help="With an API model: the server, such as http://HOST:PORT/v1."
    ),
    data: Path = typer.Option(
        None,
        metavar="DIR",
        help="Folder of samples files. Default: ./data, else built into the user's cache.",
    ),
    out: Path = typer.Option(Path("runs"), metavar="DIR", help="Folder of the generations files."),
    only: str = typer.Option(
        None, metavar="KEY=VALUE,...", help="Only these runs of the grid: sampler=wino,k=4."
    ),
    limit: int = typer.Option(
        None, min=1, help="At most this many samples of each task. Default: as the file says."
    ),
    device: str = typer.Option(None, metavar="DEVICE", help="cpu (the default), cuda:0, ..."),
    gpus: list[str] = typer.Option(
        None, metavar="I,...", help="One worker process on each of these GPUs: 0,1."
    ),
    workers: int = typer.Option(
        None, min=1, help="Worker processes on --device (default: 1), or Ray actors."
    ),
    engine: Literal["local", "ray"] = typer.Option("local", help="This machine, or a Ray cluster."),
    address: str = typer.Option(
        None, metavar="A", help="The Ray cluster: auto, HOST:PORT. Default: one started here."
    ),
    gpus_per_worker: float = typer.Option(None, min=0.0, help="GPUs of each Ray actor. Default: 0."),
    trust_remote_code: bool = typer.Option(
        False,
        "--trust-remote-code",
        help="Run the checkpoints' own code, open pickled weights. Hub ids: with @COMMIT.",
    ),
    shard: str = typer.Option(None, metavar="I/N", help="Do this part of the runs, whole runs each."),
    dtype: str = typer.Option(
        None, metavar="DTYPE", help="float32, bfloat16, float16. Default: bfloat16 on a GPU, else float32."
    ),
    batch_size: str = typer.Option(
        "32", metavar="INTEGER|auto", help="Rows decoded together; does not change answers. auto: what fits."
    ),
    concurrency: int = typer.Option(4, min=1, help="API models: requests at a time."),
    max_requests: int = typer.Option(None, min=1, help="API models: send at most so many in all runs."),
    max_cost: float = typer.Option(
        None, min=0.0, help="API models: spend at most so many US dollars in all."
    ),
    measure_gap: bool = typer.Option(
        False,
        "--measure-gap",
        help="Record in every run what the tokens of a step say of each other; takes more forward passes.",
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be done, and stop."),
    measure: bool = typer.Option(True, help="With --dry-run: load the models and time a step of each."),
    as_json: bool = typer.Option(False, "--json", help="Files and failures as one JSON object."),
) -> None:
    """Decode every configuration of a grid. Prints the path of each file. Start it again to go on."""
    from pbench.cli.access import access_of
    from pbench.cli.data import found_tasks
    from pbench.cli.jobs import batch_size_of
    from pbench.cli.sweep_plan import tell_plan
    from pbench.cli.sweep_runs import Base, found_models, refuse_misfits, run_grid
    from pbench.decode.hosts import chosen_where

    if base_url is not None and model is None:
        raise UsageError("--base-url is of one model; name it by --model, or write base_url into the file")
    access = access_of(
        base_url=base_url, concurrency=concurrency, max_requests=max_requests, max_cost=max_cost
    )
    where = chosen_where(
        engine, gpus=console.split_list(gpus), device=device, workers=workers, address=address,
        gpus_per_worker=gpus_per_worker,
    )  # fmt: skip
    rows = batch_size_of(batch_size)
    path = _located(file)
    found = _with_gap(_limited(_with_model(path, model, trust_remote_code), limit), measure_gap)
    tasks, infos = _tasks(found, found_tasks(data), path)
    grid = _grid(found, infos, path, only, shard)
    models = found_models(grid, path, access, trust_remote_code)
    base = Base(where, dtype, rows, found.limit, out, tasks, models)
    refuse_misfits(grid, base, path)
    _tell(grid, shard)
    if dry_run:
        tell_plan(grid, base, measure, as_json)
    else:
        run_grid(grid, base, as_json)


def _limited(found: SweepFile, limit: int | None) -> SweepFile:
    """The command line's limit goes before the file's."""
    return found if limit is None else found.model_copy(update={"limit": limit})


def _with_gap(found: SweepFile, asked: bool) -> SweepFile:
    """The command line's --measure-gap is for every run; without it the file says which."""
    from pbench.decode.sweep_file import measured

    return measured(found) if asked else found


def _located(name: str) -> Path:
    from pbench.tasks.suites import configs_dir

    if Path(name).suffix in (".yaml", ".yml"):
        return Path(name)
    shipped = {path.stem: path for path in sorted((configs_dir() / "sweeps").glob("*.yaml"))}
    if name not in shipped:
        raise unknown_name("sweep", name, list(shipped))
    return shipped[name]


def _with_model(path: Path, model: str | None, trusted: bool) -> SweepFile:
    """The file's sweep; with --model those of its matrices that fit the model, for it alone."""
    from pbench.decode.sweep_file import load_sweep
    from pbench.models import find_model

    found = load_sweep(path)
    if model is None:
        return found
    info = find_model(model, trust_remote_code=trusted)
    samplers = info.kind == "diffusion" and info.access is None

    def mine(matrices: Sequence[Matrix]) -> list[Matrix]:
        fitting = [each for each in matrices if samplers == (None not in each.sampler)]
        return [each.model_copy(update={"model": [model]}) for each in fitting]

    matrices = mine(found.matrix)
    if not matrices:
        raise UsageError(f"{path}: no matrix of it is for a model like {model!r}")
    return found.model_copy(update={"matrix": matrices, "include": mine(found.include)})


def _tasks(
    sweep_file: SweepFile, found: dict[str, Path], path: Path
) -> tuple[dict[str, TaskData], dict[str, list[TaskInfo]]]:
    """The data of all tasks by name, and what each name in the sweep stands for."""
    from pbench.cli.data import load_tasks
    from pbench.decode.grid import TaskInfo

    meant = _meant(sweep_file, list(found), path)
    every = list(dict.fromkeys(task for names in meant.values() for task in names))
    tasks = {task.name: task for task in load_tasks(every, found)}
    limit = sweep_file.limit
    infos = {
        task.name: TaskInfo(
            task.name,
            task.manifest["category"],
            task.manifest["gen_length"],
            len(task.samples) if limit is None else min(limit, len(task.samples)),
        )
        for task in tasks.values()
    }
    return tasks, {name: [infos[task] for task in names] for name, names in meant.items()}


def _meant(sweep_file: SweepFile, available: list[str], path: Path) -> dict[str, list[str]]:
    """The tasks behind each name of the file's lists; ConfigError with the line of an unknown one."""
    from pbench.cli.data import names_of
    from pbench.config import yaml_line

    lists: list[tuple[tuple[str | int, ...], Iterable[str]]] = [(("tasks",), sweep_file.tasks)]
    for section, matrices in (("matrix", sweep_file.matrix), ("include", sweep_file.include)):
        lists += [((section, i, "tasks"), matrix.tasks or ()) for i, matrix in enumerate(matrices)]
    meant: dict[str, list[str]] = {}
    for loc, names in lists:
        for place, name in enumerate(names):
            try:
                meant[name] = names_of([name], available)
            except UsageError as error:
                raise ConfigError(str(error), path=path, line=yaml_line(path, *loc, place)) from None
    return meant


def _grid(
    sweep_file: SweepFile,
    infos: dict[str, list[TaskInfo]],
    path: Path,
    expression: str | None,
    part: str | None,
) -> Grid:
    """All runs; of those `expression` selects, and of those the part of a shard."""
    from dataclasses import replace

    from pbench.decode.grid import expand, only, run_cost
    from pbench.decode.shards import Shard, deal

    shard = None if part is None else Shard.parse(part)
    grid = expand(sweep_file, infos, path)
    grid = grid if expression is None else only(grid, expression)
    if shard is None:
        return grid
    by_name = {info.name: info for each in infos.values() for info in each}
    return replace(grid, runs=deal(grid.runs, [run_cost(cell, by_name) for cell in grid.runs], shard))


def _tell(grid: Grid, shard: str | None) -> None:
    for reason, times in grid.left_out.items():
        console.note(f"left out {times} times: {reason}")
    models = len({cell.model for cell in grid.runs})
    part = "" if shard is None else f"shard {shard}: "
    console.note(
        f"{part}{len(grid.runs)} runs of {models} models, {grid.pairs} pairs of a task and a configuration"
    )
