"""`pbench decode`: a model generates under an unmasking sampler."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from pbench.cli import console
from pbench.errors import SamplesFailedError, UsageError

if TYPE_CHECKING:
    from pbench.cli.jobs import Prepared
    from pbench.decode.run import Plan, Result

__all__ = ["register"]

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
    batch_size: str = typer.Option(
        "32", metavar="INTEGER|auto", help="Rows decoded together; does not change answers. auto: what fits."
    ),
    seed: int = typer.Option(0, help="Seed of random orders and of temperature > 0."),
    device: str = typer.Option(None, help="cpu (the default), cuda:0, ..."),
    gpus: list[str] = typer.Option(None, help="One worker process on each of these GPUs: 0,1."),
    workers: int = typer.Option(None, min=1, help="Worker processes on --device."),
    family: str = typer.Option(None, help="Take the checkpoint for one of this family, whatever it says."),
    trust_remote_code: bool = typer.Option(
        False, "--trust-remote-code", help="Accept weights in pickle files; needs a revision for hub ids."
    ),
    adapter: Path = typer.Option(None, help="A LoRA folder of `pbench train lora`, added to the model."),
    dtype: str = typer.Option(None, help="float32, bfloat16, float16. Default: bfloat16 on a GPU."),
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
    from pbench.cli.jobs import Asked, Request, batch_size_of, labels_of, prepare
    from pbench.decode import EngineOptions
    from pbench.decode.devices import chosen_devices
    from pbench.interfaces import GenerationSettings
    from pbench.models import find_model

    options = EngineOptions(
        block_length, temperature, seed, compat=compat, eos=eos, top_p=top_p, top_k=top_k,
        infill=infill, cache=cache,
    )  # fmt: skip
    settings = GenerationSettings(temperature, top_p, top_k, seed)
    info = find_model(model, family=family, trust_remote_code=trust_remote_code, adapter=adapter)
    request = Request(
        info, sampler, dtype, tuple(chosen_devices(console.split_list(gpus), device, workers)),
        device or "cpu", batch_size_of(batch_size), console.split_list(tasks), data, limit, gen_length,
        labels_of(label),
    )  # fmt: skip
    prepared = prepare(request, Asked.of(context), options, settings)
    target = _target(out, prepared.plan)
    if dry_run:
        _tell_plan(prepared, target)
    else:
        _finish(_run(prepared, target), as_json)


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


def _run(prepared: Prepared, out: Path) -> Result:
    from pbench.cli.app import TerminatedError
    from pbench.cli.progress import DecodeProgress
    from pbench.decode import decode_run, journal_path

    try:
        runner = prepared.runner()
        with DecodeProgress() as progress:
            result = decode_run(prepared.plan, runner, out, progress.update)
    except (KeyboardInterrupt, TerminatedError):
        if journal_path(out).exists():
            console.note(f"{journal_path(out)} keeps what is finished; the same command goes on from there")
        raise
    for warning in result.warnings:
        console.warn(warning)
    if not result.decoded:
        console.note(f"{out}: complete already, nothing to decode")
    return result


def _tell_plan(prepared: Prepared, out: Path) -> None:
    from pbench.decode import Engines, nfe_bound

    plan, look = prepared.plan, prepared.look
    look.check(plan.samples)
    for task in plan.tasks:
        chosen = [sample for sample in plan.samples if sample.task == task.name]
        console.note(f"{task.name}: {len(chosen)} of {len(task.samples)} samples")
    if isinstance(look, Engines):
        causal = look.denoiser.capabilities.block_causal
        bound = nfe_bound(plan.samples, look.sampler, look.options.block_length, causal)
        console.note(
            f"{len(plan.samples)} samples, at most {bound} forward passes of a sample in all; writes {out}"
        )
    else:
        console.note(f"{len(plan.samples)} samples; writes {out}")
