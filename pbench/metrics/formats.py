"""Formal answers: text that matches a pattern, a pattern that fits examples, JSON.

Patterns are Python's `re`, and mean what they mean there; they run in the `regex` engine because it
has a time limit (`re` has none). What the two read differently is written for `regex` first.
"""

from __future__ import annotations

import json
import re
import warnings
from time import monotonic
from typing import Any

import regex

from pbench.metrics.parsing import fenced
from pbench.metrics.registry import sample_metric

__all__ = ["json_syntax", "regex_match", "text_to_regex"]

TIME_LIMIT_SECONDS = 0.5
_MAX_PATTERN = 2_000
MAX_CHARACTERS = 200_000


# Escapes, comments, sets, counts, and braces that are no counts: `re` takes those as they are,
# `regex` as fuzzy matching; and `[[:alpha:]]` is a class of characters to `regex` alone.
_SYNTAX = (
    r"(?P<escape>\\N\{[^}]*\}|\\.)|(?P<comment>\(\?\#[^)]*\))|(?P<set>\[\^?\]?(?:\\.|[^]\\])*+\])"
    r"|(?P<count>\{(?:[0-9]+(?:,[0-9]*)?|,[0-9]*)\})|(?P<brace>\{)"
)
_PARTS = re.compile(_SYNTAX, re.DOTALL)
_VERBOSE_PARTS = re.compile(rf"{_SYNTAX}|(?P<remark>\#[^\n]*)", re.DOTALL)
# Before Python 3.14 `\B` does not match in an empty text.
_NOWHERE = "" if re.match(r"\B", "") else r"(?:(?=[\s\S])|(?<=[\s\S]))"


def _for_regex(pattern: str, flags: int) -> str:
    """The pattern as `regex` must have it to mean what `re` means."""

    def rewritten(part: re.Match[str]) -> str:
        text = part.group()
        if part.lastgroup == "set":
            return "[" + re.sub(r"(\\.)|\[", lambda inner: inner[1] or r"\[", text[1:], flags=re.DOTALL)
        if part.lastgroup in ("brace", "remark"):
            return r"\{" if part.lastgroup == "brace" else ""
        return rf"(?:\B{_NOWHERE})" if text == r"\B" else text

    return (_VERBOSE_PARTS if flags & re.VERBOSE else _PARTS).sub(rewritten, pattern)


def _compile(pattern: str) -> regex.Pattern[str] | None:
    """The pattern, or None if it is bad or longer than anyone would write."""
    if len(pattern) > _MAX_PATTERN:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `re` warns of sets that may change their meaning
            return regex.compile(_for_regex(pattern, re.compile(pattern).flags))
    except (re.error, regex.error, ValueError, OverflowError, RecursionError):
        return None


def _full_match(pattern: regex.Pattern[str], text: str, deadline: float) -> bool:
    """Whether the whole text matches; TimeoutError after the deadline (monotonic seconds)."""
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return pattern.fullmatch(text, timeout=left) is not None


@sample_metric("regex_match")
def regex_match(prediction: str, reference: Any) -> dict[str, float | None]:
    """The whole stripped prediction matches `pattern`; a bad pattern or the time limit gives 0."""
    pattern = _compile(reference if isinstance(reference, str) else reference["pattern"])
    text = prediction.strip()
    if pattern is None or len(text) > MAX_CHARACTERS:
        return {"score": 0.0}
    try:
        return {"score": float(_full_match(pattern, text, monotonic() + TIME_LIMIT_SECONDS))}
    except TimeoutError:
        return {"score": 0.0}


@sample_metric("text_to_regex")
def text_to_regex(prediction: str, reference: Any) -> dict[str, float | None]:
    """The prediction is a pattern that fits all `positive_examples` and no `negative_examples`."""
    pattern = _compile(fenced(prediction, "regex"))
    positive, negative = reference["positive_examples"], reference["negative_examples"]
    if pattern is None:
        return {"score": 0.0}
    deadline = monotonic() + TIME_LIMIT_SECONDS
    try:
        right = all(_full_match(pattern, text, deadline) for text in positive) and not any(
            _full_match(pattern, text, deadline) for text in negative
        )
    except TimeoutError:
        right = False
    return {"score": float(right)}


@sample_metric("json_syntax")
def json_syntax(prediction: str, reference: Any) -> dict[str, float | None]:  # noqa: ARG001 - syntax alone counts
    """The prediction (the content of its first code fence, if it has one) is JSON."""
    try:
        json.loads(fenced(prediction, "json"))
    except (ValueError, RecursionError):
        return {"score": 0.0}
    return {"score": 1.0}
