"""Prompt templates with bare named fields: `Copy this list: {context}`.

Only `{name}` is a field and only `{{`, `}}` stand for braces. Attribute access, indexing,
conversions and format specs are refused when a template is parsed, and values are put in as they
are, so braces in data stay data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pbench.errors import nearest

__all__ = ["Template"]

_PIECE = re.compile(r"\{\{|\}\}|\{(?P<field>[^{}]*)\}|(?P<stray>[{}])")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: texts and fields in turn, beginning and ending with a text."""

    parts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, known: Iterable[str]) -> Template:
        """Parse `text`; ValueError for anything but bare fields of `known`."""
        known = sorted(known)
        parts = [""]
        end = 0
        for match in _PIECE.finditer(text):
            parts[-1] += text[end : match.start()]
            end = match.end()
            if match["stray"]:
                raise ValueError(f"a single {match['stray']!r} in a prompt; write it twice to mean itself")
            if match["field"] is None:
                parts[-1] += match[0][0]
                continue
            parts += [_checked(match["field"], known), ""]
        parts[-1] += text[end:]
        return cls(tuple(parts))

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields, in order, repeats kept."""
        return self.parts[1::2]

    def render(self, values: Mapping[str, str]) -> str:
        """The text with every field replaced by its value, which is never looked into."""
        filled = list(self.parts)
        for place in range(1, len(filled), 2):
            filled[place] = values[filled[place]]
        return "".join(filled)


def _checked(field: str, known: list[str]) -> str:
    if not _NAME.fullmatch(field):
        raise ValueError(f"{{{field}}} is no bare field: no attributes, indexes, conversions, format specs")
    if field not in known:
        names = ", ".join(f"{{{name}}}" for name in known)
        raise ValueError(f"unknown field {{{field}}}{nearest(field, known)}; this task has {names}")
    return field
