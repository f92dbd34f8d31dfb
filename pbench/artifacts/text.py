"""Text that every file can hold: lone surrogates become U+FFFD, everything else stays as it is.

A Python string may hold lone surrogates (half a UTF-16 pair, from `surrogateescape` or from a
broken JSON escape); UTF-8, and so Parquet and JSON files, cannot. NUL is no trouble and stays.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["json_bytes", "json_text", "valid_text"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def valid_text(text: str) -> str:
    """`text` with each lone surrogate replaced by U+FFFD (the same object where there is none)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text


def json_text(value: Any) -> str:
    """The one JSON text of `value`: keys sorted, no spaces; errors as in `json_bytes`."""
    return json_bytes(value, orjson.OPT_SORT_KEYS).decode()


def json_bytes(value: Any, option: int = 0) -> bytes:
    """JSON of `value` by orjson's `option`, lone surrogates replaced.

    Raises ValueError for NaN, infinities, integers beyond 64 bits and types that JSON lacks: a
    reference that is silently another one after reading would be scored wrongly.
    """
    try:
        return orjson.dumps(_plain(value), option=option)
    except orjson.JSONEncodeError as error:
        raise ValueError(f"no JSON form: {error}") from None


def _plain(value: Any) -> Any:
    """`value` with valid text throughout, and with no number that JSON lacks."""
    if isinstance(value, str):
        return valid_text(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"no JSON form: {value}")
    return value
