"""Do prompts and answers fit into the model's context? Asked before any forward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pbench.errors import UsageError
from pbench.records import Sample

__all__ = ["check_answers", "check_context"]

_TEMPLATE_TOKENS = 512  # more than any chat template adds to one message


def check_context(
    name: str, encode: Callable[[Sample], Sequence[int]], limit: int, samples: Sequence[Sample]
) -> None:
    """UsageError if prompt + gen_length of any sample is longer than `limit`, the context of model `name`.

    Prompts that the model cannot read are passed over: they become rows with an error.
    """
    doubtful = [sample for sample in samples if _most(sample) > limit]
    too_long = [(length, each) for each in doubtful if (length := _length(encode, each)) > limit]
    if too_long:
        length, sample = max(too_long, key=lambda each: each[0])
        raise UsageError(
            f"model {name!r} has a context of {limit} tokens, which {len(too_long)} of {len(samples)}"
            f" samples exceed: {sample.sample_id} has {length - sample.gen_length} tokens of prompt and"
            f" gen_length {sample.gen_length}; choose a smaller --gen-length or other tasks"
        )


def check_answers(name: str, limit: int | None, samples: Sequence[Sample]) -> None:
    """UsageError if gen_length of any sample is more than `limit`, the answer positions of model `name`.

    None: the model counts prompt and answer together.
    """
    too_long = [] if limit is None else [sample for sample in samples if sample.gen_length > limit]
    if too_long:
        longest = max(too_long, key=lambda sample: sample.gen_length)
        raise UsageError(
            f"model {name!r} has {limit} positions for an answer, which {len(too_long)} of {len(samples)}"
            f" samples exceed: {longest.sample_id} has gen_length {longest.gen_length}; choose a smaller"
            " --gen-length or other tasks"
        )


def _most(sample: Sample) -> int:
    """A bound of the length that needs no tokenizer: a token is at least one byte."""
    contents = (message["content"] for message in sample.messages)
    return sample.gen_length + sum(len(text.encode()) + _TEMPLATE_TOKENS for text in contents)


def _length(encode: Callable[[Sample], Sequence[int]], sample: Sample) -> int:
    try:
        return len(encode(sample)) + sample.gen_length
    except UsageError:
        return 0
