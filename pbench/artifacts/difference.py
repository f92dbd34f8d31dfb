"""Two configurations compared field by field, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pbench.artifacts.text import json_text

__all__ = ["difference"]

_WIDTH = 80
_ABSENT = "(absent)"


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """One line for each field that differs: `sampler.options.k: 1 -> 2`, sorted by name.

    Mappings are compared inside, everything else as a whole and as JSON, like the config_id: 1 and
    1.0 differ, a list and a tuple of the same items do not. Long values are cut.
    """
    return _differences("", old, new)


def _differences(prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            lines += _differences(f"{prefix}{name}.", before, after)
        elif (was := _text(name, old)) != (now := _text(name, new)):
            lines.append(f"{prefix}{name}: {_cut(was)} -> {_cut(now)}")
    return lines


def _text(name: str, values: Mapping[str, Any]) -> str:
    return json_text(values[name]) if name in values else _ABSENT


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
