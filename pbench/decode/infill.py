"""Infilling: an answer canvas on which the list is written already and only its items are masks.

`output_format` of a sample has the form of each item with `[MASK]` where the model writes; see
docs/tasks.md. What is written is `fixed`: no sampler ever touches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson

from pbench.errors import UsageError
from pbench.interfaces import Denoiser
from pbench.records import Sample

__all__ = ["answer_canvas", "fit_sample"]

_MASK = "[MASK]"


def fit_sample(sample: Sample, denoiser: Denoiser, block_length: int | None) -> Sample:
    """The sample with the gen_length of its canvas; UsageError as `answer_canvas`."""
    return replace(sample, gen_length=len(answer_canvas(sample, denoiser, block_length)))


def answer_canvas(sample: Sample, denoiser: Denoiser, block_length: int | None) -> list[int]:
    """Token ids of the answer region: the format's tokens, masks for the items, EOS up to whole blocks.

    An item has `mask_tokens` masks (metadata), or as many as the answer's item has tokens.
    UsageError for a sample without output_format, or whose answer does not fit its format.
    """
    if not sample.output_format:
        raise UsageError(
            f"task {sample.task!r} has no output_format, so there is nothing to infill;"
            " decode it without --infill"
        )
    counts = _mask_counts(sample, denoiser)
    ids: list[int] = []
    for piece, masks in _pieces(sample.output_format, counts):
        ids += denoiser.encode_text(piece) + [denoiser.mask_token_id] * masks
    missing = -len(ids) % (block_length or len(ids))
    return ids + [denoiser.eos_token_id] * missing


def _mask_counts(sample: Sample, denoiser: Denoiser) -> list[int]:
    """How many masks each item gets."""
    assert sample.output_format is not None
    fixed = sample.metadata.get("mask_tokens")
    if fixed is not None:
        return [int(fixed)] * len(sample.output_format)
    items = _answer_items(sample)
    if len(items) != len(sample.output_format):
        raise UsageError(
            f"{sample.sample_id}: its answer has {len(items)} items, its output_format"
            f" {len(sample.output_format)}; give mask_tokens in the suite"
        )
    return [max(1, len(denoiser.encode_text(item))) for item in items]


def _answer_items(sample: Sample) -> list[str]:
    """Items of the right answer, or of the example where many are right; [] where none is known."""
    answer = sample.answer.get("example") if isinstance(sample.answer, dict) else sample.answer
    try:
        items = orjson.loads(answer) if isinstance(answer, str) else answer
    except orjson.JSONDecodeError:
        return []
    return [str(item) for item in items] if isinstance(items, list) else []


def _pieces(forms: Sequence[str], counts: Sequence[int]) -> list[tuple[str, int]]:
    """The list as text pieces, each with the number of masks that follow it."""
    pieces: list[tuple[str, int]] = []
    text = '["'
    for number, (form, count) in enumerate(zip(forms, counts, strict=True)):
        first, *rest = form.split(_MASK)
        text += ('", "' if number else "") + first
        for part in rest:
            pieces.append((text, count))
            text = part
    return [*pieces, (text + '"]', 0)]
