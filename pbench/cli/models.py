"""`pbench models list | show M | check M | random`: which models there are, and what they allow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pbench.cli import console
from pbench.errors import UsageError

if TYPE_CHECKING:
    from pbench.interfaces import Denoiser, TextGenerator
    from pbench.models import ModelInfo
    from pbench.records import Sample

__all__ = ["register"]

group = typer.Typer(
    name="models",
    help="List, show and check models; make random ones.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_JSON = typer.Option(False, "--json", help="One JSON object on stdout.")
_FAMILY = typer.Option(None, help="Take the checkpoint for one of this family, whatever it says.")
_TRUST = typer.Option(
    False,
    "--trust-remote-code",
    help="Run a checkpoint's own code, open pickled weights. Hub ids: with @COMMIT.",
)
_INVARIANCE_ROWS = 8
_TEXT_SAMPLES = 40  # of each task: what the tokenizer of a random checkpoint is trained on


def register(app: typer.Typer) -> None:
    app.add_typer(group)


@group.command(name="list")
def list_models(as_json: bool = _JSON) -> None:
    """List the models that have a name. A checkpoint folder and a hub id are models too."""
    from pbench.models import known_models

    entries = [
        {
            "name": info.name,
            "family": info.family,
            "kind": info.kind,
            "available": info.available,
            "why": info.why,
        }
        for info in known_models()
    ]
    if as_json:
        console.result_json({"models": entries})
        return
    family = max(len(str(entry["family"])) for entry in entries)
    for entry in entries:
        state = "available" if entry["available"] else f"not available: {entry['why']}"
        console.result(f"{entry['name']:<16} {entry['family']:<{family}} {entry['kind']:<14} {state}")


@group.command()
def show(
    model: str = typer.Argument(..., metavar="MODEL", help="Name, checkpoint folder or hub id."),
    prompt: str = typer.Option(None, metavar="TASK", help="A sample of this task as the model reads it."),
    family: str = _FAMILY,
    trust_remote_code: bool = _TRUST,
    as_json: bool = _JSON,
) -> None:
    """Show what a model's configuration says. With --prompt the rendered prompt and its token ids."""
    import orjson

    from pbench.config import checkpoint_config
    from pbench.models import find_model, load_model

    info = find_model(model, family=family, trust_remote_code=trust_remote_code)
    payload: dict[str, Any] = {"name": info.name, "family": info.family, "kind": info.kind}
    payload |= {"hub": info.hub, "revision": info.revision} if info.hub else {}
    payload["config"] = None if info.folder is None else checkpoint_config(info.folder)
    if info.family.startswith("auto-map"):
        payload["foreign_code"] = load_model(info, "meta").identity["code"]
    if prompt is not None:
        payload["prompt"] = _prompt(info, prompt)
    if as_json:
        console.result_json(payload)
        return
    shown = payload.pop("prompt", None)
    if shown is None:
        console.result(orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode())
        return
    console.note(f"{shown['sample_id']}: {len(shown['ids'])} tokens")
    console.result(console.clean(shown["text"]))


@group.command()
def check(
    model: str = typer.Argument(..., metavar="MODEL", help="Name, checkpoint folder or hub id."),
    batch_invariance: bool = typer.Option(
        False, "--batch-invariance", help="Load the weights and measure what the batch's shape changes."
    ),
    task: str = typer.Option("waiting_line/copy", help="Of --batch-invariance: where the prompts are from."),
    device: str = typer.Option("cpu", help="Of --batch-invariance: cpu, cuda:0, ..."),
    dtype: str = typer.Option(
        None, help="Of --batch-invariance. Default: bfloat16 on a GPU, float32 elsewhere."
    ),
    family: str = _FAMILY,
    trust_remote_code: bool = _TRUST,
    as_json: bool = _JSON,
) -> None:
    """Say what a model allows. Loads all but its weights and tries a forward pass without them."""
    from pbench.models import find_model, load_model
    from pbench.models.check import check_model

    info = find_model(model, family=family, trust_remote_code=trust_remote_code)
    loaded = load_model(info, "meta")
    findings = check_model(info, loaded) | _allowed(loaded)
    if batch_invariance:
        findings["batch_invariance"] = _measured(info, device, dtype, task)
    if as_json:
        console.result_json({"model": findings})
        return
    for line in _lines(findings):
        console.result(console.clean(line))


@group.command(name="random")
def make_random(
    family: str = typer.Option(..., metavar="F", help="Of which family; an unknown name lists them."),
    out: Path = typer.Option(..., help="A new or empty folder."),
    layers: int = typer.Option(2, min=1, help="Layers of the network."),
    hidden_size: int = typer.Option(64, min=8, help="Width of the network."),
    heads: int = typer.Option(4, min=1, help="Attention heads; they divide the width."),
    vocab_size: int = typer.Option(1024, min=300, help="Tokens, special ones included."),
    max_length: int = typer.Option(2048, min=64, help="Prompt and answer positions."),
    shards: int = typer.Option(1, min=1, help="Weight files."),
    seed: int = typer.Option(0, min=0, max=2**63 - 1, help="Seed of the weights."),
) -> None:
    """Write a small checkpoint with random weights. It has a family's real form; prints its folder."""
    from pbench.models.random_checkpoint import RandomSize, write_random

    size = RandomSize(
        layers=layers,
        hidden_size=hidden_size,
        heads=heads,
        vocab_size=vocab_size,
        max_length=max_length,
        shards=shards,
        seed=seed,
    )
    write_random(family, out, _texts(), size)
    console.result(str(out))


def _allowed(model: Denoiser | TextGenerator) -> dict[str, Any]:
    """Which caches and samplers go with it, and why the others do not."""
    from pbench.decode import EngineOptions, check_needs
    from pbench.interfaces import TextGenerator
    from pbench.samplers import SAMPLERS

    if isinstance(model, TextGenerator):
        return {"samplers": [], "caches": []}
    samplers: list[str] = []
    refused: dict[str, str] = {}
    for name in SAMPLERS.names():
        try:
            sampler: Any = SAMPLERS.get(name)
            check_needs(model, sampler, EngineOptions())
            samplers.append(name)
        except UsageError as error:
            refused[name] = str(error)
    caches = ["none", *(["prefix"] if model.capabilities.kv_cache else [])]
    if model.capabilities.kv_cache and model.capabilities.block_causal is None:
        caches.append("dual")
    return {"caches": caches, "samplers": samplers, "refused": refused}


def _measured(info: ModelInfo, device: str, dtype: str | None, task: str) -> dict[str, Any]:
    """`--batch-invariance`, on samples of one task."""
    from pbench.decode.invariance import batch_invariance
    from pbench.interfaces import TextGenerator
    from pbench.models import default_dtype, load_model

    loaded = load_model(info, device, dtype or default_dtype(info, device))
    if isinstance(loaded, TextGenerator):
        raise UsageError(f"--batch-invariance compares masked-diffusion models; this is {info.family}")
    samples = _samples(task, _INVARIANCE_ROWS)
    why = loaded.supports(task)
    if why is not None:
        raise UsageError(f"model {info.name!r} cannot be asked {task}: {why}")
    return batch_invariance(loaded, samples)


def _prompt(info: ModelInfo, task: str) -> dict[str, Any]:
    """A sample's prompt as text and ids."""
    from pbench.models import load_model

    loaded = load_model(info, "meta")
    sample = _samples(task, 1)[0]
    encode, tokens = getattr(loaded, "encode", None), getattr(loaded, "tokens", None)
    if encode is None:
        raise UsageError(f"{info.name}: what a {info.family} model reads is not known here")
    text = sample.messages[-1]["content"] if tokens is None else tokens.prompt(sample.messages)
    return {"sample_id": sample.sample_id, "text": text, "ids": encode(sample)}


def _samples(task: str, count: int) -> list[Sample]:
    from itertools import islice

    from pbench.tasks import generate, resolve

    specs = resolve([task])
    if not specs:
        raise UsageError(f"no task {task!r}; see 'pbench tasks list'")
    return list(islice(generate(specs[0]), count))


def _texts() -> list[str]:
    """Prompts of the benchmark's tasks."""
    from itertools import islice

    from pbench.tasks import generate, load_suite

    return [
        message["content"]
        for spec in load_suite("benchmark").tasks
        for sample in islice(generate(spec), _TEXT_SAMPLES)
        for message in sample.messages
    ]


def _lines(findings: dict[str, Any], indent: str = "") -> list[str]:
    """Findings for people, one a line."""
    lines = []
    for key, value in findings.items():
        label = f"{indent}{key.replace('_', ' ')}:"
        if isinstance(value, dict):
            lines += [label, *_lines(value, indent + "  ")]
        elif isinstance(value, list):
            lines.append(f"{label} {', '.join(map(str, value)) or 'none'}")
        else:
            lines.append(f"{label} {value}")
    return lines
