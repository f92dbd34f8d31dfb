"""`pbench sweep`: a grid of decode runs; each model is loaded once, finished runs are skipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pbench.cli import console
from pbench.errors import PbenchError, SamplesFailedError, UsageError, unknown_name

if TYPE_CHECKING:
    from pbench.cli.jobs import Prepared, Request
    from pbench.decode.data import TaskData
    from pbench.decode.grid import Cell, Grid
    from pbench.decode.run import Result
    from pbench.decode.sweep_file import Matrix, SweepFile
    from pbench.interfaces import Denoiser, TextGenerator
    from pbench.models.api import Access

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(sweep)


@dataclass(slots=True)
class Outcome:
    """What became of the runs: files in their order, and the reasons of those that failed."""

    files: list[Path]
    failures: dict[str, str]
    missing: int = 0  # samples without an answer


def sweep(
    file: str = typer.Argument(..., help="A YAML file, or the name of a shipped sweep: quick, ..."),
    model: str = typer.Option(None, help="Run on this model in place of those of the file."),
    base_url: str = typer.Option(None, help="Of --model openai:MODEL: the server, http://HOST:PORT/v1."),
    data: Path = typer.Option(None, help="Folder of samples files. Default: ./data where it exists."),
    out: Path = typer.Option(Path("runs"), help="Folder of the generations files."),
    only: str = typer.Option(None, metavar="KEY=VALUE,...", help="Of the grid only these: sampler=wino."),
    limit: int = typer.Option(None, min=1, help="At most this many samples of each task."),
    device: str = typer.Option("cpu", help="cpu, cuda:0, ..."),
    dtype: str = typer.Option(None, help="float32, bfloat16, float16. Default: bfloat16 on a GPU."),
    batch_size: str = typer.Option("32", metavar="INTEGER|auto", help="Rows decoded together."),
    concurrency: int = typer.Option(4, min=1, help="API models: requests at a time."),
    max_requests: int = typer.Option(None, min=1, help="API models: send at most so many in all runs."),
    max_cost: float = typer.Option(
        None, min=0.0, help="API models: spend at most so many US dollars in all."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be done, and stop."),
    as_json: bool = typer.Option(False, "--json", help="Files and failures as one JSON object."),
) -> None:
    """Decode every configuration of a grid; prints the path of each file. Start it again to go on."""
    from pbench.cli.access import access_of
    from pbench.cli.data import found_tasks

    if base_url is not None and model is None:
        raise UsageError("--base-url is of one model; name it by --model, or write base_url into the file")
    access = access_of(
        base_url=base_url, concurrency=concurrency, max_requests=max_requests, max_cost=max_cost
    )
    path = _located(file)
    found = _with_model(path, model)
    sweep_file = _limited(found, limit)
    tasks, infos = _tasks(sweep_file, found_tasks(data))
    grid = _grid(sweep_file, infos, path, only)
    _tell(grid)
    base = _Base(device, dtype, batch_size, sweep_file.limit, out, tasks, access)
    if dry_run:
        _tell_costs(grid, base)
        return
    _finish(_run(grid, base), len(grid.runs), as_json)


@dataclass(frozen=True, slots=True)
class _Base:
    """What all runs share."""

    device: str
    dtype: str | None
    batch_size: str
    limit: int | None
    out: Path
    tasks: dict[str, TaskData]
    access: Access

    def reach(self, cell: Cell) -> Access:
        """How the model of a run is reached, if it is a remote one; all share one budget."""
        return self.access if cell.base_url is None else replace(self.access, base_url=cell.base_url)


def _limited(found: SweepFile, limit: int | None) -> SweepFile:
    """The command line's limit goes before the file's."""
    return found if limit is None else found.model_copy(update={"limit": limit})


def _located(name: str) -> Path:
    from pbench.tasks.suites import configs_dir

    if Path(name).suffix in (".yaml", ".yml"):
        return Path(name)
    shipped = {path.stem: path for path in sorted((configs_dir() / "sweeps").glob("*.yaml"))}
    if name not in shipped:
        raise unknown_name("sweep", name, list(shipped))
    return shipped[name]


def _with_model(path: Path, model: str | None) -> SweepFile:
    """The file's sweep; with --model those of its matrices that fit the model, for it alone."""
    from pbench.decode.sweep_file import load_sweep
    from pbench.models import find_model

    found = load_sweep(path)
    if model is None:
        return found
    info = find_model(model)
    samplers = info.kind == "diffusion" and info.access is None

    def mine(matrices: Sequence[Matrix]) -> list[Matrix]:
        fitting = [each for each in matrices if samplers == (None not in each.sampler)]
        return [each.model_copy(update={"model": [model]}) for each in fitting]

    matrices = mine(found.matrix)
    if not matrices:
        raise UsageError(f"{path}: no matrix of it is for a model like {model!r}")
    return found.model_copy(update={"matrix": matrices, "include": mine(found.include)})


def _tasks(sweep_file: SweepFile, found: dict[str, Path]) -> tuple[dict[str, TaskData], dict[str, list[Any]]]:
    """The data of all tasks by name, and what each name in the sweep stands for."""
    from pbench.cli.data import load_tasks, names_of
    from pbench.decode.grid import TaskInfo

    matrices = [*sweep_file.matrix, *sweep_file.include]
    named = {*sweep_file.tasks, *(name for matrix in matrices for name in matrix.tasks or ())}
    meant = {name: names_of([name], list(found)) for name in sorted(named)}
    every = list(dict.fromkeys(task for names in meant.values() for task in names))
    tasks = {task.name: task for task in load_tasks(every, found)}
    infos = {
        task.name: TaskInfo(task.name, task.manifest["category"], task.manifest["gen_length"])
        for task in tasks.values()
    }
    return tasks, {name: [infos[task] for task in names] for name, names in meant.items()}


def _grid(sweep_file: SweepFile, infos: dict[str, list[Any]], path: Path, expression: str | None) -> Grid:
    from pbench.decode.grid import expand, only

    grid = expand(sweep_file, infos, path)
    return grid if expression is None else only(grid, expression)


def _tell(grid: Grid) -> None:
    for reason, times in grid.left_out.items():
        console.note(f"left out {times} times: {reason}")
    models = len({cell.model for cell in grid.runs})
    console.note(
        f"{len(grid.runs)} runs of {models} models, {grid.pairs} pairs of a task and a configuration"
    )


def _tell_costs(grid: Grid, base: _Base) -> None:
    """What the runs on remote models may take."""
    from pbench.cli.access import tell_estimate
    from pbench.decode import make_plan
    from pbench.models.api import open_model, remote_name

    for cell in grid.runs:
        if remote_name(cell.model) is not None:
            tasks = [base.tasks[name] for name in cell.tasks]
            plan = make_plan(tasks, {}, limit=base.limit, gen_length=cell.gen_length)
            console.note(f"{_title(cell)}:")
            tell_estimate(open_model(cell.model, base.reach(cell), live=False), plan.samples)


def _run(grid: Grid, base: _Base) -> Outcome:
    """All runs, model by model; one that cannot be done stops no other."""
    outcome = Outcome([], {})
    total = len(grid.runs)
    numbers = iter(range(1, total + 1))
    for (name, _), cells in groupby(grid.runs, key=lambda cell: (cell.model, cell.base_url)):
        mine = list(cells)
        try:
            loaded = _Loaded.of(mine[0], base)
        except PbenchError as error:
            outcome.failures |= {_title(cell): str(error) for cell, _ in zip(mine, numbers, strict=False)}
            console.warn(f"{name}: {error}")
            continue
        for cell, number in zip(mine, numbers, strict=False):
            console.note(f"[{number}/{total}] {_title(cell)}")
            try:
                _note_result(outcome, loaded.decode(cell))
            except PbenchError as error:
                outcome.failures[_title(cell)] = str(error)
                console.warn(f"{_title(cell)}: {error}")
    return outcome


def _note_result(outcome: Outcome, result: Result) -> None:
    outcome.files.append(result.path)
    outcome.missing += result.counts.get("error", 0)
    for warning in result.warnings:
        console.warn(warning)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """One model for all its runs."""

    request: Request
    model: Denoiser | TextGenerator
    base: _Base

    @classmethod
    def of(cls, cell: Cell, base: _Base) -> _Loaded:
        from pbench.cli.jobs import Request, batch_size_of, choice_of, tell_model
        from pbench.models import find_model

        info = find_model(cell.model, access=base.reach(cell))
        request = Request(
            info, "", base.dtype, (), base.device, batch_size_of(base.batch_size), [], None,
            base.limit, None, {},
        )  # fmt: skip
        model = choice_of(request).load(base.device)
        tell_model(request, model)
        return cls(request, model, base)

    def decode(self, cell: Cell) -> Result:
        """One run, as `pbench decode` with these options would do it."""
        from pbench.cli.progress import DecodeProgress
        from pbench.decode import decode_run, run_name
        from pbench.decode.runners import LocalRunner

        prepared = self._prepared(cell)
        answerer = prepared.job.assemble(self.model, self.request.device)
        runner = LocalRunner(answerer, self.request.batch_size)
        with DecodeProgress() as progress:
            return decode_run(
                prepared.plan, runner, self.base.out / run_name(prepared.plan.identity), progress.update
            )

    def _prepared(self, cell: Cell) -> Prepared:
        from pbench.cli.jobs import Asked, assemble, choice_of
        from pbench.interfaces import GenerationSettings

        tasks = [self.base.tasks[name] for name in cell.tasks if self.model.supports(name) is None]
        if not tasks:
            raise UsageError(f"model {self.model.name!r} can be asked none of {', '.join(cell.tasks)}")
        words = tuple(f"--{key.replace('_', '-')}={value}" for key, value in cell.options.items())
        request = replace(
            self.request, sampler=cell.sampler or "", gen_length=cell.gen_length, labels=dict(cell.labels)
        )
        settings = GenerationSettings(cell.temperature, seed=cell.seed)
        given = frozenset(_given(cell))
        asked = Asked(words, (), given)
        return assemble(request, asked, cell.engine_options, settings, choice_of(request), self.model, tasks)


def _given(cell: Cell) -> Iterator[str]:
    """Options that differ from their defaults, as if written on the command line."""
    settings = cell.settings
    if cell.sampler is not None:
        yield "sampler"
    for name, usual in (("block_length", "full"), ("cache", "none"), ("compat", None), ("infill", False)):
        if settings[name] != usual:
            yield name


def _title(cell: Cell) -> str:
    """`tiny threshold gamma=0.9 block_length=8`."""
    usual = {"block_length": "full", "cache": "none", "temperature": 0.0, "seed": 0, "infill": False}
    told = {key: value for key, value in cell.settings.items() if key not in ("model", "sampler")}
    said = [f"{key}={value}" for key, value in told.items() if value is not None and usual.get(key) != value]
    return " ".join([cell.model, cell.sampler or "", *said]).replace("  ", " ")


def _finish(outcome: Outcome, total: int, as_json: bool) -> None:
    """Print the files; SamplesFailedError if a run or a sample failed."""
    if as_json:
        files = [str(path) for path in outcome.files]
        console.result_json({"files": files, "failures": outcome.failures, "missing": outcome.missing})
    else:
        for path in outcome.files:
            console.result(str(path))
    if outcome.failures or outcome.missing:
        raise SamplesFailedError(
            f"{len(outcome.failures)} of {total} runs could not be done and {outcome.missing} samples have no"
            " answer (reasons above and in the files); the same command tries them again"
        )
