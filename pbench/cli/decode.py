"""`pbench decode`: a model generates under an unmasking sampler."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from pbench.cli import collector, console
from pbench.errors import SamplesFailedError, UsageError

if TYPE_CHECKING:
    from pbench.cli.jobs import Prepared
    from pbench.decode.plan import Plan
    from pbench.decode.run import Result

__all__ = ["register"]

_LINE = 160  # characters of a reason
_EXTRA = {"ignore_unknown_options": True, "allow_extra_args": True}


def register(app: typer.Typer) -> None:
    app.command(
        context_settings=_EXTRA,
        epilog="A sampler's own options (--k, --steps, --gamma, --factor, ...) stand beside these:"
        " `pbench samplers show NAME` lists them.",
    )(decode)


def decode(
    context: typer.Context,
    model: str = typer.Option(
        "tiny", metavar="NAME", help="A name (`pbench models list`), a checkpoint folder or a hub id."
    ),
    sampler: str = typer.Option(
        "confidence", metavar="NAME", help="An unmasking sampler (`pbench samplers list`)."
    ),
    tasks: list[str] = typer.Option(
        None, metavar="T,...", help="Tasks and suites. Default: those of the benchmark that the model knows."
    ),
    data: Path = typer.Option(
        None,
        metavar="DIR",
        help="Folder of samples files. Default: ./data, else built into the user's cache.",
    ),
    limit: int = typer.Option(None, min=1, help="At most this many samples of each task, spread evenly."),
    block_length: int = typer.Option(
        None, min=1, help="Tokens of a block; blocks go from left to right. Default: one block."
    ),
    gen_length: int = typer.Option(None, min=1, help="Tokens of an answer. Default: as each task says."),
    temperature: float = typer.Option(0.0, min=0.0, help="0 = the most probable token."),
    batch_size: str = typer.Option(
        "32", metavar="INTEGER|auto", help="Rows decoded together; does not change answers. auto: what fits."
    ),
    seed: int = typer.Option(0, help="Seed of random orders and of temperature > 0."),
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
    shard: str = typer.Option(None, metavar="I/N", help="Decode this part of the samples, to its own file."),
    family: str = typer.Option(
        None, metavar="F", help="Take the checkpoint for one of this family, whatever it says."
    ),
    trust_remote_code: bool = typer.Option(
        False,
        "--trust-remote-code",
        help="Run a checkpoint's own code, open pickled weights. Hub ids: with @COMMIT.",
    ),
    adapter: Path = typer.Option(
        None, metavar="DIR", help="A LoRA folder of `pbench train lora`, added to the model."
    ),
    dtype: str = typer.Option(
        None, metavar="DTYPE", help="float32, bfloat16, float16. Default: bfloat16 on a GPU, else float32."
    ),
    top_p: float = typer.Option(
        None, help="Above temperature 0: draw among the fewest tokens that reach this."
    ),
    top_k: int = typer.Option(None, min=1, help="Above temperature 0: draw among this many tokens."),
    eos: Literal["none", "stop", "suppress", "penalise"] = typer.Option(
        "none", help="What an end-of-sequence token means: docs/decoding.md."
    ),
    cache: Literal["none", "prefix", "dual"] = typer.Option(
        "none", help="Fast-dLLM's caches, block by block."
    ),
    infill: bool = typer.Option(
        False, "--infill", help="Generate the items alone of tasks with an output format."
    ),
    compat: Literal["parallelbench"] = typer.Option(
        None, help="The original code's numbers, quirks included."
    ),
    measure_gap: bool = typer.Option(
        False,
        "--measure-gap",
        help="Record what the tokens of a step say of each other, in bits; takes more forward passes.",
    ),
    label: list[str] = typer.Option(None, metavar="KEY=VALUE", help="Becomes part of the run's identity."),
    model_id: str = typer.Option(None, metavar="ID", help="Of haiku, mercury: the API's id of the model."),
    base_url: str = typer.Option(
        None, metavar="URL", help="API models: the server, such as http://HOST:PORT/v1."
    ),
    api_key_env: str = typer.Option(
        None, metavar="NAME", help="API models: the environment variable that holds the key."
    ),
    concurrency: int = typer.Option(4, min=1, help="API models: requests at a time."),
    timeout: float = typer.Option(120.0, min=0.001, help="API models: seconds for one attempt."),
    retries: int = typer.Option(2, min=0, help="API models: further attempts, Retry-After honoured."),
    stream: bool = typer.Option(False, "--stream", help="API models: take the answer in pieces."),
    max_requests: int = typer.Option(None, min=1, help="API models: send at most so many, retries included."),
    max_cost: float = typer.Option(None, min=0.0, help="API models: spend at most so many US dollars."),
    price: str = typer.Option(
        None, metavar="IN/OUT", help="US dollars per million tokens. Default: of the package genai-prices."
    ),
    no_temperature: bool = typer.Option(
        False, "--no-temperature", help="API models: send no temperature; the server chooses."
    ),
    out: Path = typer.Option(
        None,
        metavar="FILE",
        help=".parquet or .jsonl. Default: runs/MODEL-SAMPLER-OPTIONS-ID.parquet.",
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be done, and stop."),
    as_json: bool = typer.Option(False, "--json", help="Path and counts as one JSON object."),
) -> None:
    """Let a model answer tasks under an unmasking sampler. Prints the path of the file written."""
    from pbench.models import hash_weights_ahead

    _check_ending(out)
    hash_weights_ahead(model)
    with collector.paused():
        from pbench.cli.access import access_of, refuse_misplaced
        from pbench.cli.jobs import Asked, Request, batch_size_of, labels_of, prepare
        from pbench.decode import EngineOptions, Shard
        from pbench.decode.hosts import chosen_where
        from pbench.interfaces import GenerationSettings
        from pbench.models import find_model

        options = EngineOptions(
            block_length, temperature, seed, compat=compat, eos=eos, top_p=top_p, top_k=top_k,
            infill=infill, cache=cache, measure_gap=measure_gap,
        )  # fmt: skip
        settings = GenerationSettings(temperature, top_p, top_k, seed)
        access = access_of(
            model_id=model_id, base_url=base_url, api_key_env=api_key_env, concurrency=concurrency,
            timeout=timeout, retries=retries, stream=stream, max_requests=max_requests, max_cost=max_cost,
            price=price, no_temperature=no_temperature,
        )  # fmt: skip
        info = find_model(
            model, family=family, trust_remote_code=trust_remote_code, access=access, adapter=adapter
        )
        asked = Asked.of(context)
        refuse_misplaced(info, asked.given)
        where = chosen_where(
            engine, gpus=console.split_list(gpus), device=device, workers=workers, address=address,
            gpus_per_worker=gpus_per_worker,
        )  # fmt: skip
        request = Request(
            info, sampler, dtype, where, batch_size_of(batch_size), console.split_list(tasks), data, limit,
            gen_length, labels_of(label), None if shard is None else Shard.parse(shard),
        )  # fmt: skip
        prepared = prepare(request, asked, options, settings)
    target = _target(out, prepared.plan)
    if dry_run:
        _tell_plan(prepared, target)
    else:
        _finish(_run(prepared, target), as_json)


def _target(out: Path | None, plan: Plan) -> Path:
    from pbench.decode import run_name

    return out if out is not None else Path("runs") / run_name(plan.identity)


def _check_ending(out: Path | None) -> None:
    if out is not None and out.suffix not in (".parquet", ".jsonl"):
        raise UsageError(f"--out {out}: the name must end in .parquet or .jsonl")


def _finish(result: Result, as_json: bool) -> None:
    """Print where the answers are; SamplesFailedError if some are missing."""
    if as_json:
        console.result_json({"path": str(result.path), "decoded": result.decoded, "counts": result.counts})
    else:
        console.result(str(result.path))
    failed = result.counts.get("error", 0)
    if failed:
        raise SamplesFailedError(
            f"{failed} of {sum(result.counts.values())} samples failed, {_commonest_error(result.path)}\n"
            f"{result.path} has every reason in its column `error`; the same command tries them again"
        )


def _commonest_error(path: Path) -> str:
    """Why most of the failed samples did, in one line."""
    from collections import Counter

    from pbench.artifacts import read_columns

    table = read_columns(path, "generations", ["error_kind", "error"]).to_pylist()
    [(kind, count)] = Counter(row["error_kind"] for row in table if row["error_kind"]).most_common(1)
    text = next(row["error"] for row in table if row["error_kind"] == kind)
    return f"{count} of them by {kind}: {' '.join(str(text).split())[:_LINE]}"


def _run(prepared: Prepared, out: Path) -> Result:
    from pbench.cli.app import TerminatedError
    from pbench.cli.progress import DecodeProgress
    from pbench.decode import decode_run, journal_path

    try:
        with prepared.open() as host, DecodeProgress() as progress:
            result = decode_run(prepared.plan, prepared.runner(host), out, progress.update)
    except (KeyboardInterrupt, TerminatedError):
        journal = journal_path(prepared.plan.path(out))
        if journal.exists():
            console.note(f"{journal} keeps what is finished; the same command goes on from there")
        raise
    for warning in result.warnings:
        console.warn(warning)
    if result.shards:
        console.note(f"{result.path}: put together from {result.shards} shards")
    if not result.decoded:
        console.note(f"{result.path}: complete, nothing to decode")
    return result


def _tell_plan(prepared: Prepared, out: Path) -> None:
    from pbench.cli.access import tell_estimate
    from pbench.decode import Engines, nfe_bound
    from pbench.models.api import ApiModel

    plan, look = prepared.plan, prepared.look
    out = plan.path(out)
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
        if plan.measure_gap:
            further = sum(sample.gen_length - 1 for sample in plan.samples)
            console.note(f"--measure-gap: at most {further} more, if nothing is taken back")
    else:
        console.note(f"{len(plan.samples)} samples; writes {out}")
        generator = getattr(look, "generator", None)
        if isinstance(generator, ApiModel):
            tell_estimate(generator, plan.samples)
