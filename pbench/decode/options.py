"""How to decode: the engine's options, and what they and a sampler need of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pbench.errors import UsageError
from pbench.interfaces import Denoiser, Sampler, Verifier

__all__ = ["CacheKind", "EngineOptions", "EosPolicy", "check_needs", "resolve_block_length"]

CacheKind = Literal["none", "prefix", "dual"]
EosPolicy = Literal["none", "stop", "suppress", "penalise"]

_TEMPERATURES = (1e-6, 1e6)  # logits divided by less overflow, by more they are all the same

_NEEDS = {
    "masked": "a mask token",
    "position_ids": "free position ids",
    "arbitrary_mask": "arbitrary attention masks",
    "kv_cache": "a key-value cache",
    "block_causal": "block-causal attention",
}


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How to decode: `block_length` None = any order over the whole answer.

    `eos`, `cache` and `infill` as `docs/decoding.md` describes them; `top_p` and `top_k` filter the
    tokens that may be drawn at temperature > 0. `measure_gap` records what each step's tokens say of
    each other (see `pbench.decode.gap`), with forward passes of its own; it decides no answer.
    """

    block_length: int | None = None
    temperature: float = 0.0
    seed: int = 0
    batch_size: int = 32
    compat: Literal["parallelbench"] | None = None
    eos: EosPolicy = "none"
    top_p: float | None = None
    top_k: int | None = None
    infill: bool = False
    cache: CacheKind = "none"
    measure_gap: bool = False

    def __post_init__(self) -> None:
        low, high = _TEMPERATURES
        if self.temperature != 0 and not low <= self.temperature <= high:  # NaN too
            raise UsageError(f"--temperature {self.temperature} must be 0, or between {low:g} and {high:g}")
        if not -(2**63) <= self.seed < 2**63:
            raise UsageError(f"--seed {self.seed} must fit into 64 bits")
        for flag, value in (("--top-p", self.top_p), ("--top-k", self.top_k)):
            if value is not None and self.temperature == 0:
                raise UsageError(
                    f"{flag} chooses among tokens that are drawn; it needs --temperature above 0"
                )
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise UsageError(f"--top-p {self.top_p} must be above 0, at most 1")
        if self.top_k is not None and self.top_k < 1:
            raise UsageError(f"--top-k {self.top_k} must be at least 1")


def resolve_block_length(gen_length: int, block_length: int | None, causal: int | None = None) -> int:
    """The block length in tokens; `causal` is that of a block-causal model, and its default.

    UsageError if it does not divide gen_length, or a block-causal model's own: such a model counts
    blocks from the prompt's start, and the answer may end in the middle of one.
    """
    if causal is not None:
        if block_length is not None and (block_length < 1 or causal % block_length):
            raise UsageError(
                f"--block-length {block_length} does not divide {causal}, the block length of this model,"
                " which sees no later block"
            )
        return block_length or causal
    if block_length is None:
        return gen_length
    if block_length < 1 or gen_length % block_length:
        raise UsageError(f"--block-length {block_length} does not divide gen_length {gen_length}")
    return block_length


def check_needs(
    denoiser: Denoiser, sampler: Sampler, options: EngineOptions, verifier: Verifier | None = None
) -> None:
    """UsageError for a sampler or an option that needs what the model does not have."""
    traits = sampler.traits
    needs = {"masked", *traits.needs}
    if traits.shadow:
        needs |= {"arbitrary_mask", "position_ids"}
    for need in sorted(needs):
        if not getattr(denoiser.capabilities, need, None):
            raise UsageError(
                f"sampler {sampler.name!r} needs {_NEEDS.get(need, need)}, which model {denoiser.name!r}"
                " does not have"
            )
    if traits.verifier and verifier is None:
        raise UsageError(
            f"sampler {sampler.name!r} needs a verifier, an autoregressive model beside {denoiser.name!r};"
            " none is given"
        )
    if options.cache == "none":
        return
    if options.measure_gap:
        raise UsageError(
            f"--measure-gap compares a step's marginals with the model's own chain rule; those of --cache"
            f" {options.cache} come from stored keys. Drop one of the two"
        )
    if not denoiser.capabilities.kv_cache:
        raise UsageError(
            f"--cache {options.cache} needs a key-value cache, which model {denoiser.name!r} does not have"
        )
    if options.cache == "dual" and denoiser.capabilities.block_causal:
        raise UsageError(
            f"--cache dual keeps what is behind a block, and block-causal model {denoiser.name!r} never sees"
            " that; use --cache prefix, which is exact for it"
        )
    if traits.shadow:
        raise UsageError(
            f"--cache {options.cache} does not go with sampler {sampler.name!r}: its shadow"
            " block sees the whole canvas anew in every step"
        )
