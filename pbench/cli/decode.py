"""`pbench decode`: a model generates under an unmasking sampler."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from pbench.cli import console
from pbench.errors import SamplesFailedError, UsageError, nearest

if TYPE_CHECKING:
    from pbench.decode.data import TaskData
    from pbench.decode.options import EngineOptions
    from pbench.decode.run import Plan, Result
    from pbench.interfaces import Denoiser, Sampler, Verifier

__all__ = ["register"]


@dataclass(frozen=True, slots=True)
class Request:
    """What to decode, as asked for on the command line."""

    model: str
    device: str
    tasks: list[str]
    data: Path | None
    limit: int | None
    gen_length: int | None
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class Job:
    """A request with everything loaded."""

    denoiser: Denoiser
    verifier: Verifier | None
    sampler: Sampler
    options: EngineOptions
    plan: Plan


_EXTRA = {"ignore_unknown_options": True, "allow_extra_args": True}


def register(app: typer.Typer) -> None:
    app.command(
        context_settings=_EXTRA,
        epilog="Sampler options (--k, --steps, --gamma, --factor, ...): `pbench samplers show NAME`.",
    )(decode)


def decode(
    context: typer.Context,
    model: str = typer.Option("tiny", help="A model's name (`pbench models list`) or a checkpoint folder."),
    sampler: str = typer.Option("confidence", help="An unmasking sampler (`pbench samplers list`)."),
    tasks: list[str] = typer.Option(None, help="Tasks and suites, comma-separated. Default: the benchmark."),
    data: Path = typer.Option(None, help="Folder of samples files. Default: ./data where it exists."),
    limit: int = typer.Option(None, min=1, help="At most this many samples of each task, spread evenly."),
    block_length: int = typer.Option(None, min=1, help="Semi-autoregressive blocks. Default: any order."),
    gen_length: int = typer.Option(None, min=1, help="Answer tokens. Default: as each task says."),
    temperature: float = typer.Option(0.0, min=0.0, help="0 = the most probable token."),
    batch_size: int = typer.Option(32, min=1, help="Rows decoded together; does not change answers."),
    seed: int = typer.Option(0, help="Seed of random orders and of temperature > 0."),
    device: str = typer.Option("cpu", help="cpu, cuda:0, ..."),
    top_p: float = typer.Option(None, help="Draw among the fewest tokens that reach this probability."),
    top_k: int = typer.Option(None, min=1, help="Draw among this many tokens."),
    eos: Literal["none", "stop", "suppress", "penalise"] = typer.Option(
        "none", help="What an end-of-sequence token means."
    ),
    cache: Literal["none", "prefix", "dual"] = typer.Option(
        "none", help="Fast-dLLM's caches, block by block."
    ),
    infill: bool = typer.Option(False, "--infill", help="Only the items of a given output format."),
    compat: Literal["parallelbench"] = typer.Option(None, help="Another code's numbers, quirks included."),
    label: list[str] = typer.Option(None, help="key=value that becomes part of the run's identity."),
    out: Path = typer.Option(None, help="Output file (.parquet or .jsonl). Default: runs/NAME.parquet."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be done, and stop."),
    as_json: bool = typer.Option(False, "--json", help="Path and counts as one JSON object."),
) -> None:
    """Decode tasks with a model under an unmasking sampler; prints the path of the file written."""
    from pbench.decode import EngineOptions

    options = EngineOptions(
        block_length, temperature, seed, batch_size, compat, eos, top_p, top_k, infill, cache
    )
    request = Request(model, device, console.split_list(tasks), data, limit, gen_length, _labels(label))
    job = _prepare(request, _sampler(context, sampler, model), options)
    target = _target(out, job.plan)
    if dry_run:
        _tell_plan(job, target)
    else:
        _finish(_run(job, target), as_json)


def _target(out: Path | None, plan: Plan) -> Path:
    from pbench.decode import run_name

    target = out if out is not None else Path("runs") / run_name(plan.identity)
    if target.suffix not in (".parquet", ".jsonl"):
        raise UsageError(f"--out {target}: the name must end in .parquet or .jsonl")
    return target


def _finish(result: Result, as_json: bool) -> None:
    """Print where the answers are; SamplesFailedError if some are missing."""
    if as_json:
        console.result_json({"path": str(result.path), "decoded": result.decoded, "counts": result.counts})
    else:
        console.result(str(result.path))
    failed = result.counts.get("error", 0)
    if failed:
        raise SamplesFailedError(
            f"{failed} of {sum(result.counts.values())} samples failed; {result.path} says why in its"
            " error column; the same command tries them again"
        )


def _sampler(context: typer.Context, name: str, model: str) -> Sampler:
    """The sampler with the options that the command itself does not know, and what the model gives it."""
    from pbench.models import find_model
    from pbench.samplers import make_sampler
    from pbench.samplers.frequencies import with_table

    options = _extra_options(context, name)
    return make_sampler(name, with_table(name, options, find_model(model).folder))


def _extra_options(context: typer.Context, name: str) -> dict[str, Any]:
    """`--gamma 0.9 --k=4` -> {"gamma": "0.9", "k": "4"}; whatever else is left is an error."""
    from pbench.samplers import options_model

    takes = list(options_model(name).model_fields)
    own = [flag for parameter in context.command.params for flag in parameter.opts]
    options: dict[str, Any] = {}
    words = list(context.args)
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            raise UsageError(f"unexpected argument {word!r}; see 'pbench decode --help'")
        flag, equals, value = word[2:].partition("=")
        key = flag.replace("-", "_")
        if key not in takes:
            known = ", ".join("--" + each.replace("_", "-") for each in takes)
            hint = nearest(word.partition("=")[0], own)
            raise UsageError(f"--{flag} is no option of decode{hint} nor of sampler {name!r}: {known}")
        if not equals and not words:
            raise UsageError(f"--{flag} needs a value")
        options[key] = value if equals else words.pop(0)
    return options


def _prepare(request: Request, sampler: Sampler, options: EngineOptions) -> Job:
    """Load the model and the samples, and say what the run is."""
    from pbench.decode import check_needs, fit_sample, make_plan, run_identity
    from pbench.models import find_model, load_model

    if options.infill and request.gen_length is not None:
        raise UsageError("--infill makes canvases of the length that each answer needs; drop --gen-length")
    denoiser = load_model(find_model(request.model), request.device)
    verifier = _verifier(sampler, request.device)
    check_needs(denoiser, sampler, options, verifier)
    identity = run_identity(denoiser, sampler, options, request.gen_length, request.labels, verifier)
    plan = make_plan(
        _tasks(denoiser, request.tasks, request.data),
        identity,
        limit=request.limit,
        gen_length=request.gen_length,
        fit=(lambda sample: fit_sample(sample, denoiser, options.block_length)) if options.infill else None,
        command=["pbench", *sys.argv[1:]],
    )
    return Job(denoiser, verifier, sampler, options, plan)


def _verifier(sampler: Sampler, device: str) -> Verifier | None:
    """The model that the sampler's `--verifier` names, if it names one."""
    from pbench.interfaces import Verifier
    from pbench.models import find_model, load_model

    name = getattr(sampler.options, "verifier", None)
    if name is None:
        return None
    model = load_model(find_model(name), device)
    if not isinstance(model, Verifier):
        raise UsageError(
            f"--verifier {name}: it must be an autoregressive model, which {model.family} is not"
        )
    return model


def _tasks(denoiser: Denoiser, wanted: list[str], data: Path | None) -> list[TaskData]:
    """The tasks asked for; without --tasks those of the benchmark that the model can be asked."""
    from pbench.cli.data import benchmark_names, found_tasks, load_tasks, names_of

    found = found_tasks(data)
    if wanted:
        names = names_of(wanted, list(found))
        for name in names:
            why = denoiser.supports(name)
            if why is not None:
                raise UsageError(f"model {denoiser.name!r} cannot be asked {name}: {why}")
        return load_tasks(names, found)
    names = benchmark_names()
    if found and not set(names) & set(found):
        names = list(found)
    left_out = [name for name in names if denoiser.supports(name) is not None]
    names = [name for name in names if name not in left_out]
    if not names:
        raise UsageError(f"model {denoiser.name!r} can be asked none of {', '.join(left_out)}")
    if left_out:
        console.note(f"left out, for {denoiser.name} does not know them: {', '.join(left_out)}")
    return load_tasks(names, found)


def _labels(values: list[str] | None) -> dict[str, str]:
    labels = {}
    for value in values or ():
        key, equals, text = value.partition("=")
        if not equals or not key:
            raise UsageError(f"--label {value!r}: write key=value")
        labels[key] = text
    return labels


def _run(job: Job, out: Path) -> Result:
    from pbench.cli.app import TerminatedError
    from pbench.cli.progress import DecodeProgress
    from pbench.decode import decode_run, journal_path

    try:
        with DecodeProgress() as progress:
            result = decode_run(
                job.plan, job.denoiser, job.sampler, job.options, out, progress.update, job.verifier
            )
    except (KeyboardInterrupt, TerminatedError):
        if journal_path(out).exists():
            console.note(f"{journal_path(out)} keeps what is finished; the same command goes on from there")
        raise
    for warning in result.warnings:
        console.warn(warning)
    if not result.decoded:
        console.note(f"{out}: complete already, nothing to decode")
    return result


def _tell_plan(job: Job, out: Path) -> None:
    from pbench.decode import nfe_bound

    plan = job.plan
    for task in plan.tasks:
        chosen = [sample for sample in plan.samples if sample.task == task.name]
        console.note(f"{task.name}: {len(chosen)} of {len(task.samples)} samples")
    bound = nfe_bound(plan.samples, job.sampler, job.options.block_length)
    console.note(
        f"{len(plan.samples)} samples, at most {bound} forward passes of a sample in all; writes {out}"
    )
