"""Text that every file can hold: lone surrogates become U+FFFD, everything else stays as it is.

A Python string may hold lone surrogates (half a UTF-16 pair, from `surrogateescape` or from a
broken JSON escape); UTF-8, and so Parquet and JSON files, cannot. NUL is no trouble and stays.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

__all__ = ["json_text", "valid_text"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def valid_text(text: str) -> str:
    """`text` with each lone surrogate replaced by U+FFFD (the same object where there is none)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text


def json_text(value: Any) -> str:
    """The one JSON text of `value`: keys sorted, no spaces.

    Raises ValueError for NaN, infinities, integers beyond 64 bits and types that JSON lacks: a
    reference that is silently another one after reading would be scored wrongly.
    """
    try:
        return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError as error:
        raise ValueError(f"no JSON form: {error}") from None


def _plain(value: Any) -> Any:
    """`value` with valid text throughout and tuples as lists."""
    if isinstance(value, str):
        return valid_text(value)
    if isinstance(value, dict):
        return {valid_text(key) if isinstance(key, str) else key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        raise ValueError(f"no JSON form: {value}")
    return value
