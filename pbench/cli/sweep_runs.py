"""The runs of a sweep, one after another: a model is loaded once, a broken run stops no other."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pbench.cli import console
from pbench.errors import ConfigError, PbenchError, SamplesFailedError, UsageError

if TYPE_CHECKING:
    from pbench.cli.jobs import Prepared, Request
    from pbench.decode.data import TaskData
    from pbench.decode.grid import Cell, Grid
    from pbench.decode.hosts import Host, Where
    from pbench.decode.memory import BatchSize
    from pbench.decode.run import Result
    from pbench.interfaces import Denoiser, TextGenerator
    from pbench.models import ModelInfo
    from pbench.models.api import Access

# Of the folder and not of a run. What cannot be read of a model is a PbenchError.
_NOWHERE_TO_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.ENOTDIR}

# What a name in the file can be wrong in; the errors of `find_model` begin with it.
_OF_THE_NAME = ("unknown model", "--trust-remote-code needs a revision")

Asked: TypeAlias = tuple[str, str | None]  # a model, and the server that a matrix names for it

__all__ = ["Base", "Looked", "by_model", "found_models", "refuse_misfits", "run_grid", "title"]


@dataclass(frozen=True, slots=True)
class Base:
    """What all runs share; `models` holds an error where a model cannot be had."""

    where: Where
    dtype: str | None
    batch_size: BatchSize
    limit: int | None
    out: Path
    tasks: dict[str, TaskData]
    models: dict[Asked, ModelInfo | PbenchError]


@dataclass(slots=True)
class Outcome:
    """What became of the runs: files in their order, and the reasons of those that failed."""

    files: list[Path]
    failures: dict[str, str]
    missing: int = 0  # samples without an answer
    skipped: int = 0  # runs that were finished before


def found_models(
    grid: Grid, path: Path, access: Access, trusted: bool
) -> dict[Asked, ModelInfo | PbenchError]:
    """The models of all runs, looked for before the first one begins.

    ConfigError with its line for a name that is no model's, or pins no revision where code of the hub
    is `trusted`; one that is only not to be had now costs its own runs alone. `access` is how remote
    ones are reached; all share its budget.
    """
    from pbench.config import yaml_line
    from pbench.models import find_model

    found: dict[Asked, ModelInfo | PbenchError] = {}
    for name, base_url in dict.fromkeys(map(_asked, grid.runs)):
        own = access if base_url is None else replace(access, base_url=base_url)
        try:
            found[name, base_url] = find_model(name, access=own, trust_remote_code=trusted)
        except PbenchError as error:
            if isinstance(error, UsageError) and str(error).startswith(_OF_THE_NAME):
                line = _line_naming(path, name) or yaml_line(path, "matrix")
                raise ConfigError(str(error), path=path, line=line) from None
            console.warn(f"{name}: {error}")
            found[name, base_url] = error
    return found


def refuse_misfits(grid: Grid, base: Base, path: Path) -> None:
    """ConfigError, with the line of its model, for a run that asks a model for what its kind cannot do."""
    from pbench.config import yaml_line

    looked_at: set[tuple[Asked, bool]] = set()
    for cell in grid.runs:
        asked = _asked(cell)
        info = base.models[asked]
        if isinstance(info, PbenchError) or (asked, cell.sampler is None) in looked_at:
            continue
        looked_at.add((asked, cell.sampler is None))
        why = _misfit(cell, info, base)
        if why is not None:
            line = _line_naming(path, cell.model) or yaml_line(path, "matrix")
            raise ConfigError(why, path=path, line=line)


def _misfit(cell: Cell, info: ModelInfo, base: Base) -> str | None:
    """Why the run contradicts the kind of its model; only `sampler: null` needs a look at the model."""
    remote = info.access is not None
    if cell.base_url is not None and not remote:
        return f"base_url is the server of a model behind an API; {info.name!r} runs on this machine"
    if cell.sampler is not None and (remote or info.kind == "autoregressive"):
        return f"model {info.name!r} decodes in its own way; give it a matrix with sampler: null"
    if cell.sampler is None and not remote and info.kind == "diffusion":
        from pbench.interfaces import TextGenerator

        try:
            model = Looked.of(info, base).model
        except PbenchError:
            return None  # it is said where its runs fail
        if not isinstance(model, TextGenerator):
            return (
                f"model {info.name!r} needs a sampler; sampler: null is for autoregressive models and those"
                " behind an API"
            )
    return None


def run_grid(grid: Grid, base: Base, as_json: bool) -> None:
    """All runs, model by model; SamplesFailedError at the end if a run or a sample failed."""
    from pbench.cli.app import TerminatedError

    outcome = Outcome([], {})
    total = len(grid.runs)
    numbers = {title(cell): number for number, cell in enumerate(grid.runs, 1)}
    try:
        for looked, cells in by_model(grid, base, outcome.failures):
            with looked.open() as host:
                for cell in cells:
                    console.note(f"[{numbers[title(cell)]}/{total}] {title(cell)}")
                    _run(looked, host, cell, outcome)
    except (KeyboardInterrupt, TerminatedError):
        console.note(
            f"{len(outcome.files)} of {total} runs are done; the same command goes on from here,"
            " in the middle of a run too"
        )
        raise
    except OSError:
        console.note(
            f"{len(outcome.files)} of {total} runs are done; no other could be written either, so this ends"
            " here. When there is room, the same command goes on"
        )
        raise
    _finish(outcome, total, as_json)


def by_model(grid: Grid, base: Base, failures: dict[str, str]) -> Iterator[tuple[Looked, list[Cell]]]:
    """Each model, without weights, and its runs; the runs of one that cannot be had are failures."""
    for asked, group in groupby(grid.runs, key=_asked):
        cells = list(group)
        name, info = asked[0], base.models[asked]
        try:
            if isinstance(info, PbenchError):
                raise info
            looked = Looked.of(info, base)
        except Exception as error:
            failures |= {title(cell): _reason(error) for cell in cells}
            console.warn(f"{name}: {_reason(error)}")
        else:
            yield looked, cells


@dataclass(frozen=True, slots=True)
class Looked:
    """A model without its weights, and what all its runs are asked."""

    request: Request
    model: Denoiser | TextGenerator
    base: Base

    @classmethod
    def of(cls, info: ModelInfo, base: Base) -> Looked:
        from pbench.cli.jobs import Request, choice_of, tell_model
        from pbench.decode.hosts import Here

        if info.access is not None and not isinstance(base.where, Here):
            raise UsageError(f"{info.name!r} is asked over the network, by this process; sweep it apart")
        request = Request(info, "", base.dtype, base.where, base.batch_size, [], None, base.limit, None, {})
        model = choice_of(request).load("meta")
        tell_model(request, model)
        return cls(request, model, base)

    def open(self) -> Host:
        """Where all runs of the model take place."""
        from pbench.cli.jobs import choice_of

        return self.base.where.open(choice_of(self.request).load, self.base.batch_size)

    def prepared(self, cell: Cell) -> Prepared:
        """One run, as `pbench decode` with these options would prepare it."""
        from pbench.cli import jobs
        from pbench.interfaces import GenerationSettings

        tasks = [self.base.tasks[name] for name in cell.tasks if self.model.supports(name) is None]
        if not tasks:
            raise UsageError(f"model {self.model.name!r} can be asked none of {', '.join(cell.tasks)}")
        words = tuple(f"--{key.replace('_', '-')}={value}" for key, value in cell.options.items())
        request = replace(
            self.request, sampler=cell.sampler or "", gen_length=cell.gen_length, labels=dict(cell.labels)
        )
        settings = GenerationSettings(cell.temperature, seed=cell.seed)
        asked = jobs.Asked(words, (), frozenset(_given(cell)))
        choice = jobs.choice_of(request)
        return jobs.assemble(request, asked, cell.engine_options, settings, choice, self.model, tasks)

    def path(self, prepared: Prepared) -> Path:
        """The file of a run."""
        from pbench.decode import run_name

        return self.base.out / run_name(prepared.plan.identity)


def _asked(cell: Cell) -> Asked:
    return cell.model, cell.base_url


def title(cell: Cell) -> str:
    """`tiny threshold gamma=0.9 block_length=8`."""
    usual = {"block_length": "full", "cache": "none", "temperature": 0.0, "seed": 0, "infill": False}
    told = {key: value for key, value in cell.settings.items() if key not in ("model", "sampler")}
    said = [f"{key}={value}" for key, value in told.items() if value is not None and usual.get(key) != value]
    return " ".join([cell.model, cell.sampler or "", *said]).replace("  ", " ")


def _run(looked: Looked, host: Host, cell: Cell, outcome: Outcome) -> None:
    """One run: its file, or the reason why there is none; OSError if there can be none of any run."""
    try:
        result = _decoded(looked, host, cell)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NOWHERE_TO_WRITE:
            raise
        outcome.failures[title(cell)] = _reason(error)
        console.warn(f"{title(cell)}: {_reason(error)}")
        if console.state.debug:
            traceback.print_exception(error)
        return
    outcome.files.append(result.path)
    outcome.missing += result.counts.get("error", 0)
    outcome.skipped += not result.decoded
    for warning in result.warnings:
        console.warn(warning)


def _decoded(looked: Looked, host: Host, cell: Cell) -> Result:
    from pbench.cli.progress import DecodeProgress
    from pbench.decode import decode_run

    prepared = looked.prepared(cell)
    runner = prepared.runner(host)
    with DecodeProgress() as progress:
        return decode_run(prepared.plan, runner, looked.path(prepared), progress.update)


def _given(cell: Cell) -> Iterator[str]:
    """Options that differ from their defaults, as if written on the command line."""
    settings = cell.settings
    if cell.sampler is not None:
        yield "sampler"
    for name, usual in (("block_length", "full"), ("cache", "none"), ("compat", None), ("infill", False)):
        if settings[name] != usual:
            yield name


def _line_naming(path: Path, model: str) -> int | None:
    """The first line of the file, below a comment or not, in which the model's name stands."""
    lines = enumerate(path.read_text().splitlines(), 1)
    return next((number for number, text in lines if model in text.partition("#")[0]), None)


def _reason(error: Exception) -> str:
    """An error in words; one that nobody raised on purpose with its type."""
    if isinstance(error, PbenchError | OSError):
        return str(error)
    return f"a bug, perhaps of a plug-in: {type(error).__name__}: {error}; --debug shows where"


def _finish(outcome: Outcome, total: int, as_json: bool) -> None:
    """Print the files; SamplesFailedError if a run or a sample failed."""
    if as_json:
        files = [str(path) for path in outcome.files]
        console.result_json({"files": files, "failures": outcome.failures, "missing": outcome.missing})
    else:
        for path in outcome.files:
            console.result(str(path))
    if outcome.skipped:
        console.note(f"{outcome.skipped} of {total} runs were done before")
    if outcome.failures:
        console.note("not done:")
        for name, reason in outcome.failures.items():
            console.note(f"  {name}: {reason}")
    if outcome.failures or outcome.missing:
        raise SamplesFailedError(
            f"{len(outcome.failures)} of {total} runs could not be done and {outcome.missing} samples have no"
            " answer (reasons above and in the files); the same command tries them again"
        )
