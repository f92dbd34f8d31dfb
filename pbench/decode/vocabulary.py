"""The texts of the tokens that a run wrote, so that its file can be read without the model's tokenizer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pbench.interfaces import Denoiser
from pbench.records import Generation

__all__ = ["token_texts"]

_BROKEN = "\ufffd"  # what a tokenizer writes for a part of a character


def token_texts(denoiser: Denoiser, rows: Iterable[Generation]) -> dict[str, Any]:
    """`{"texts": {"id": text}, "special": {"mask": id, "eos": id, "pad": id}}` of all ids in `rows`.

    Ids without a text of their own (special tokens, parts of a character) are left out of `texts`.
    """
    ids = sorted({token for row in rows for token in _ids(row)})
    anchor = next((token for token in ids if _is_whole(denoiser.decode([token]))), None)
    texts = {str(token): _text(denoiser, token, anchor) for token in ids}
    return {
        "texts": {token: text for token, text in texts.items() if _is_whole(text)},
        "special": {
            "mask": denoiser.mask_token_id,
            "eos": denoiser.eos_token_id,
            "pad": denoiser.pad_token_id,
        },
    }


def _ids(row: Generation) -> set[int]:
    return {*(row.output_ids or ()), *(event.token_id for event in row.trace or ())}


def _text(denoiser: Denoiser, token: int, anchor: int | None) -> str:
    """The token's text behind another one: some tokenizers drop the space that a text begins with."""
    alone = denoiser.decode([token])
    if anchor is None:
        return alone
    before, both = denoiser.decode([anchor]), denoiser.decode([anchor, token])
    return both[len(before) :] if both.startswith(before) else alone


def _is_whole(text: str) -> bool:
    return bool(text) and _BROKEN not in text
