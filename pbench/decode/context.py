"""Do prompts and answers fit into the model's context? Asked before any forward pass."""

from __future__ import annotations

from collections.abc import Sequence

from pbench.errors import UsageError
from pbench.interfaces import Denoiser
from pbench.records import Sample

__all__ = ["check_context"]


def check_context(denoiser: Denoiser, samples: Sequence[Sample]) -> None:
    """UsageError if prompt + gen_length of any sample is longer than the model's context.

    Prompts that the model cannot read are passed over: they become rows with an error.
    """
    limit = denoiser.capabilities.max_length
    too_long = [(length, sample) for sample in samples if (length := _length(denoiser, sample)) > limit]
    if too_long:
        length, sample = max(too_long, key=lambda each: each[0])
        raise UsageError(
            f"model {denoiser.name!r} has a context of {limit} tokens, which {len(too_long)} of"
            f" {len(samples)} samples exceed: {sample.sample_id} has {length - sample.gen_length} tokens of prompt and"
            f" gen_length {sample.gen_length}; choose a smaller --gen-length or other tasks"
        )


def _length(denoiser: Denoiser, sample: Sample) -> int:
    try:
        return len(denoiser.encode(sample)) + sample.gen_length
    except UsageError:
        return 0
