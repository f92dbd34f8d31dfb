"""What determines a run's answers, as one mapping: the source of config_id and of refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pbench.config import config_id, validate_options
from pbench.decode.options import EngineOptions
from pbench.interfaces import Denoiser, GenerationSettings, Sampler, TextGenerator, Verifier

__all__ = ["describe", "generator_identity", "run_identity", "run_name"]


def run_identity(
    denoiser: Denoiser,
    sampler: Sampler,
    options: EngineOptions,
    gen_length: int | None,
    labels: Mapping[str, str],
    verifier: Verifier | None = None,
) -> dict[str, Any]:
    """Options as given: block_length None is "full" or the model's own, gen_length None is each task's.

    Of the sampler's options `given` are those that differ from their defaults: names and tables
    show them alone.
    """
    return {
        "model": dict(denoiser.identity),
        "dtype": denoiser.capabilities.deterministic_dtype,
        "sampler": {
            "name": sampler.name,
            "options": sampler.options.model_dump(mode="json", exclude_none=True),
            "given": sampler.options.model_dump(mode="json", exclude_defaults=True),
        },
        "verifier": None if verifier is None else dict(verifier.identity),
        "block_length": options.block_length or denoiser.capabilities.block_causal or "full",
        "gen_length": gen_length,
        "temperature": float(options.temperature),
        "seed": options.seed,
        "top_p": options.top_p,
        "top_k": options.top_k,
        "eos": options.eos,
        "compat": options.compat,
        "cache": options.cache,
        "infill": options.infill,
        "labels": dict(labels),
    }


def generator_identity(
    generator: TextGenerator, settings: GenerationSettings, gen_length: int | None, labels: Mapping[str, str]
) -> dict[str, Any]:
    """The same for a text generator: what it has no choice of is null.

    Its own options stand in the sampler's place, under the name of the predictor where it has
    several; None where it has no options. UsageError for options that it does not take.
    """
    options = validate_options(generator.Options, settings.options, f"model {generator.name!r}")
    values = options.model_dump(mode="json", exclude_none=True)
    given = options.model_dump(mode="json", exclude_defaults=True)
    decoding = getattr(
        generator, "decoding", None
    )  # of a remote model that is known to be no autoregressive one
    name = decoding or values.pop("predictor", generator.family)
    given.pop("predictor", None)
    return {
        "model": dict(generator.identity),
        "dtype": generator.identity.get("dtype"),
        "sampler": {"name": name, "options": values, "given": given}
        if generator.Options.model_fields or decoding
        else None,
        "verifier": None,
        "block_length": "full",
        "gen_length": gen_length,
        "temperature": float(settings.temperature),
        "seed": settings.seed,
        "top_p": settings.top_p,
        "top_k": settings.top_k,
        "eos": None,
        "compat": None,
        "cache": None,
        "infill": False,
        "labels": dict(labels),
    }


def describe(identity: Mapping[str, Any]) -> str:
    """A run in a few words that do for a file name: `tiny-confidence-k4-b8`."""
    sampler = identity["sampler"] or {"name": "", "given": {}}
    options = "-".join(f"{key}{value}" for key, value in sampler["given"].items())
    block = "" if identity["block_length"] == "full" else f"b{identity['block_length']}"
    parts = [identity["model"]["name"], sampler["name"], options, block]
    parts += [identity[key] for key in ("cache", "eos", "compat") if identity[key] not in (None, "none")]
    parts += ["infill"] * identity["infill"]
    text = "-".join(part for part in parts if part)
    return "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "_" for c in text)[:120]


def run_name(identity: Mapping[str, Any]) -> str:
    """Default file name of a run."""
    return f"{describe(identity)}-{config_id(identity)}.parquet"
