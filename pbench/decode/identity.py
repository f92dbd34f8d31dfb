"""What determines a run's answers, as one mapping: the source of config_id and of refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pbench.config import config_id
from pbench.decode.options import EngineOptions
from pbench.interfaces import Denoiser, Sampler, Verifier

__all__ = ["describe", "run_identity", "run_name"]


def run_identity(
    denoiser: Denoiser,
    sampler: Sampler,
    options: EngineOptions,
    gen_length: int | None,
    labels: Mapping[str, str],
    verifier: Verifier | None = None,
) -> dict[str, Any]:
    """Options as given: block_length None is "full", gen_length None is each task's own.

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
        "block_length": options.block_length or "full",
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


def describe(identity: Mapping[str, Any]) -> str:
    """A run in a few words that do for a file name: `tiny-confidence-k4-b8`."""
    options = "-".join(f"{key}{value}" for key, value in identity["sampler"]["given"].items())
    block = "" if identity["block_length"] == "full" else f"b{identity['block_length']}"
    parts = [identity["model"]["name"], identity["sampler"]["name"], options, block]
    parts += [identity[key] for key in ("cache", "eos", "compat") if identity[key] not in (None, "none")]
    parts += ["infill"] * identity["infill"]
    text = "-".join(part for part in parts if part)
    return "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "_" for c in text)[:120]


def run_name(identity: Mapping[str, Any]) -> str:
    """Default file name of a run."""
    return f"{describe(identity)}-{config_id(identity)}.parquet"
