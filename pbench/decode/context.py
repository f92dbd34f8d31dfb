"""Do prompts and answers fit into the model's context? Asked before any forward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pbench.errors import UsageError
from pbench.interfaces import Context
from pbench.records import Sample

__all__ = ["check_answers", "check_context"]

_TEMPLATE_TOKENS = 512  # more than any chat template adds to one message


def check_context(
    name: str, encode: Callable[[Sample], Sequence[int]], context: Context, samples: Sequence[Sample]
) -> None:
    """UsageError if prompt and answer of any sample do not fit into `context`, that of model `name`.

    Prompts that the model cannot read are passed over: they become rows with an error.
    """
    limit = context.positions
    room = [limit - context.answer(sample.gen_length) for sample in samples]
    doubtful = [(sample, left) for sample, left in zip(samples, room, strict=True) if _most(sample) > left]
    lengths = [(_prompt(encode, sample), sample, left) for sample, left in doubtful]
    too_long = [(length, sample) for length, sample, left in lengths if length and length > left]
    if too_long:
        length, sample = max(too_long, key=lambda each: each[0] + each[1].gen_length)
        whole = f", in whole canvases of {context.canvas}" if context.canvas > 1 else ""
        by = f" by {context.setting}" if context.setting else ""
        larger = f"a larger {context.setting}, " if context.setting else ""
        raise UsageError(
            f"model {name!r} has a context of {limit} tokens{by}, which {len(too_long)} of {len(samples)}"
            f" samples exceed: {sample.sample_id} has {length} tokens of prompt and gen_length"
            f" {sample.gen_length}{whole}; choose {larger}a smaller --gen-length or other tasks"
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
    """A bound of the prompt's tokens that needs no tokenizer: a token is at least one byte."""
    contents = (message["content"] for message in sample.messages)
    return sum(len(text.encode()) + _TEMPLATE_TOKENS for text in contents)


def _prompt(encode: Callable[[Sample], Sequence[int]], sample: Sample) -> int:
    try:
        return len(encode(sample))
    except UsageError:
        return 0
