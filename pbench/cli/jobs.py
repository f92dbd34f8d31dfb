"""From the command line of `pbench decode` to a job: the model, what it is asked, and how it decodes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import typer

from pbench.cli import console
from pbench.errors import UsageError, nearest

if TYPE_CHECKING:
    from pbench.decode.data import TaskData
    from pbench.decode.hosts import Host, Where
    from pbench.decode.job import Job, ModelChoice
    from pbench.decode.memory import BatchSize
    from pbench.decode.options import EngineOptions
    from pbench.decode.plan import Plan
    from pbench.decode.runners import Answerer, Runner
    from pbench.decode.shards import Shard
    from pbench.interfaces import Denoiser, GenerationSettings, TextGenerator
    from pbench.models import ModelInfo
    from pbench.records import Sample

__all__ = [
    "Asked",
    "Prepared",
    "Request",
    "assemble",
    "batch_size_of",
    "choice_of",
    "labels_of",
    "prepare",
    "tell_model",
]

_MASKED_ONLY = ("sampler", "block_length", "eos", "cache", "infill", "compat", "measure_gap")


@dataclass(frozen=True, slots=True)
class Asked:
    """Words of the command line that belong to the sampler or the model; which options were written out."""

    words: tuple[str, ...]
    own_flags: tuple[str, ...]
    given: frozenset[str]

    @classmethod
    def of(cls, context: typer.Context) -> Asked:
        """What typer did not take, and what it was given."""
        parameters = context.command.params
        given = [each.name for each in parameters if _is_given(context, each.name)]
        flags = [flag for parameter in parameters for flag in parameter.opts]
        return cls(tuple(context.args), tuple(flags), frozenset(name for name in given if name))

    def options(
        self, takes: Sequence[str], whose: str, takers: Callable[[str], list[str]] = lambda _key: []
    ) -> dict[str, Any]:
        """`--gamma 0.9 --k=4` -> {"gamma": "0.9", "k": "4"}; what is not in `takes` is an error.

        `takers` names the samplers that have an option.
        """
        options: dict[str, Any] = {}
        words = list(self.words)
        while words:
            word = words.pop(0)
            if not word.startswith("--"):
                raise UsageError(f"unexpected argument {word!r}; see 'pbench decode --help'")
            flag, equals, value = word[2:].partition("=")
            key = flag.replace("-", "_")
            if key not in takes:
                raise UsageError(self._not_taken(flag, takes, whose, takers(key)))
            if not equals and not words:
                raise UsageError(f"--{flag} needs a value")
            options[key] = value if equals else words.pop(0)
        return options

    def _not_taken(self, flag: str, takes: Sequence[str], whose: str, takers: Sequence[str]) -> str:
        known = ", ".join(map(_flag, takes)) or "it takes none"
        if takers:
            others = ", ".join(takers)
            return f"--{flag} is no option of {whose} ({known}); samplers that take it: {others}"
        hint = nearest(f"--{flag}", [*self.own_flags, *map(_flag, takes)])
        return f"--{flag} is no option of decode{hint} nor of {whose}: {known}"


@dataclass(frozen=True, slots=True)
class Request:
    """What to decode and where, as asked for on the command line."""

    model: ModelInfo
    sampler: str
    dtype: str | None
    where: Where
    batch_size: BatchSize
    tasks: list[str]
    data: Path | None
    limit: int | None
    gen_length: int | None
    labels: dict[str, str]
    shard: Shard | None = None


_SMALL_BYTES = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request with everything known that can be known without the weights."""

    request: Request
    job: Job
    look: Answerer  # the model without its weights
    plan: Plan
    whole: Denoiser | TextGenerator | None = None  # the model with them, where it is loaded already

    def open(self) -> Host:
        """Where it is decoded; the weights are loaded there when the first sample is to be decoded."""
        whole = self.whole
        load = self.job.model.load if whole is None else lambda _device: whole
        return self.request.where.open(load, self.request.batch_size)

    def runner(self, host: Host) -> Runner:
        """What decodes it on `host`."""
        return host.runner(self.job.assemble, self.look)


def prepare(request: Request, asked: Asked, options: EngineOptions, settings: GenerationSettings) -> Prepared:
    """Check all that can be checked before work starts, and choose the samples."""
    choice = choice_of(request)
    soon = _loads_soon(request)
    model = choice.load(request.where.device if soon else "meta")
    tell_model(request, model)
    tasks, notes = _tasks(model, request.tasks, request.data)
    prepared = assemble(request, asked, options, settings, choice, model, tasks)
    for note in notes:  # not before a wrong option's error, which they would hide
        console.note(note)
    return replace(prepared, whole=model) if soon else prepared


def _loads_soon(request: Request) -> bool:
    """Whether the model is to run here and is so small that a look at it costs what loading it does."""
    from pbench.decode.hosts import Here

    folder = request.model.folder
    if folder is None or request.model.hub is not None or not isinstance(request.where, Here):
        return False
    weights = list(folder.glob("*.safetensors"))
    return bool(weights) and sum(path.stat().st_size for path in weights) <= _SMALL_BYTES


def choice_of(request: Request) -> ModelChoice:
    """The model and the dtype that it runs in there."""
    from pbench.decode.job import ModelChoice
    from pbench.models import default_dtype

    return ModelChoice(request.model, request.dtype or default_dtype(request.model, request.where.device))


def tell_model(request: Request, model: Denoiser | TextGenerator) -> None:
    """What a user should know of the model: its own notes, and the commit that the hub gave."""
    for note in getattr(model, "notes", ()):
        console.note(note)
    if request.model.hub is not None:
        console.note(f"{request.model.hub} at {request.model.revision}")


def assemble(
    request: Request,
    asked: Asked,
    options: EngineOptions,
    settings: GenerationSettings,
    choice: ModelChoice,
    model: Denoiser | TextGenerator,
    tasks: Sequence[TaskData],
) -> Prepared:
    """`prepare` with a model (its weights are not needed) and tasks that are there already."""
    from pbench.decode import make_plan
    from pbench.interfaces import TextGenerator

    if isinstance(model, TextGenerator):
        job, identity, fit = _text_job(request, asked, choice, model, settings)
    else:
        job, identity, fit = _masked_job(request, asked, choice, model, options)
    plan = make_plan(
        tasks,
        identity,
        limit=request.limit,
        gen_length=request.gen_length,
        fit=fit,
        command=["pbench", *sys.argv[1:]],
        measure_gap=job.options.measure_gap,
        shard=request.shard,
    )
    return Prepared(request, job, job.assemble(model, "meta"), plan)


def _masked_job(
    request: Request, asked: Asked, choice: ModelChoice, model: Denoiser, options: EngineOptions
) -> tuple[Job, dict[str, Any], Callable[[Sample], Sample] | None]:
    """A denoiser under the sampler; how samples get their gen_length where that is not given."""
    from pbench.decode import check_needs, fit_sample, run_identity
    from pbench.decode.job import Job
    from pbench.samplers import options_model, samplers_taking
    from pbench.samplers.frequencies import with_table

    if options.infill and request.gen_length is not None:
        raise UsageError("--infill makes canvases of the length that each answer needs; drop --gen-length")
    takes = list(options_model(request.sampler).model_fields)
    own = asked.options(takes, f"sampler {request.sampler!r}", samplers_taking)
    own = with_table(request.sampler, own, request.model.folder)
    job = Job(choice, request.sampler, own, options)
    parts = job.engines(model, "meta")
    check_needs(model, parts.sampler, options, parts.verifier)
    identity = run_identity(model, parts.sampler, options, request.gen_length, request.labels, parts.verifier)
    fit = (lambda sample: fit_sample(sample, model, options.block_length)) if options.infill else None
    return job, identity, fit


def _text_job(
    request: Request, asked: Asked, choice: ModelChoice, model: TextGenerator, settings: GenerationSettings
) -> tuple[Job, dict[str, Any], None]:
    """A text generator; what is for masked samplers is refused, a predictor stands in the sampler's place."""
    from pbench.decode import generator_identity
    from pbench.decode.job import Job

    fields = list(model.Options.model_fields)
    own: dict[str, Any] = {}
    for name in _MASKED_ONLY:
        if name not in asked.given:
            continue
        if name != "sampler" or "predictor" not in fields:
            raise UsageError(
                f"{_flag(name)} is for masked-diffusion models; {model.name!r} ({model.family}) decodes in"
                " its own way, without it"
            )
        own["predictor"] = _predictor(request.sampler, model)
    # After that: the options of a sampler that does not go with the model are not what is wrong.
    own |= asked.options([name for name in fields if name != "predictor"], f"model {model.name!r}")
    if "temperature" not in asked.given:
        settings = replace(settings, temperature=getattr(model, "temperature", settings.temperature))
    settings = replace(settings, options=own)
    identity = generator_identity(model, settings, request.gen_length, request.labels)
    return Job(choice, None, settings=settings), identity, None


def _predictor(asked: str, model: TextGenerator) -> str:
    """What --sampler names of a model that has samplers of its own; UsageError for any other."""
    field = model.Options.model_fields["predictor"]
    known = get_args(field.annotation)
    if known and asked not in known:
        others = [f"{name} (its default)" if name == field.default else name for name in known]
        raise UsageError(
            f"--sampler {asked} does not go with model {model.name!r} ({model.family}): no masked sampler"
            f" does, it draws in its own ways; take --sampler {' or '.join(others)}"
        )
    return asked


def _tasks(
    model: Denoiser | TextGenerator, wanted: list[str], data: Path | None
) -> tuple[list[TaskData], list[str]]:
    """The tasks asked for, without --tasks those that the model can be asked; notes on the others."""
    from pbench.cli.data import benchmark_names, found_tasks, load_tasks, names_of

    found = found_tasks(data)
    if wanted:
        names = names_of(wanted, list(found))
        for name in names:
            why = model.supports(name)
            if why is not None:
                raise UsageError(f"model {model.name!r} cannot be asked {name}: {why}")
        return load_tasks(names, found), []
    names = benchmark_names()
    notes = []
    if found and not set(names) & set(found):
        names = list(found)
    others = sorted(set(found) - set(names))
    if others:
        notes.append(f"not decoded, for --tasks does not name them: {', '.join(others)}")
    left_out = [name for name in names if model.supports(name) is not None]
    names = [name for name in names if name not in left_out]
    if not names:
        raise UsageError(f"model {model.name!r} can be asked none of {', '.join(left_out)}")
    if left_out:
        notes.append(f"left out, for {model.name} does not know them: {', '.join(left_out)}")
    return load_tasks(names, found), notes


def labels_of(values: Iterable[str] | None) -> dict[str, str]:
    """`--label key=value`, each."""
    labels = {}
    for value in values or ():
        key, equals, text = value.partition("=")
        if not equals or not key:
            raise UsageError(f"--label {value!r}: write key=value")
        labels[key] = text
    return labels


def batch_size_of(text: str) -> BatchSize:
    """`--batch-size`: a number of rows, or auto."""
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--batch-size {text}: write a number of rows from 1 on, or auto")
    return int(text)


def _is_given(context: typer.Context, name: str | None) -> bool:
    source = context.get_parameter_source(name) if name else None
    return source is not None and source.name == "COMMANDLINE"


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
