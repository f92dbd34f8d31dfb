"""Two configurations compared field by field, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["difference"]

_WIDTH = 80
_ABSENT = "(absent)"


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """One line for each field that differs: `sampler.options.k: 1 -> 2`, sorted by name.

    Mappings are compared inside, everything else as a whole; 1 and 1.0 are the same, 1 and true
    are not. Long values are cut.
    """
    return list(_differences("", old, new))


def _differences(prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name, _ABSENT), new.get(name, _ABSENT)
        inside = isinstance(before, Mapping) and isinstance(after, Mapping)
        if inside and name in old and name in new:
            lines += _differences(f"{prefix}{name}.", before, after)
        elif not _same(before, after) or (name in old) != (name in new):
            lines.append(f"{prefix}{name}: {_show(name, old)} -> {_show(name, new)}")
    return lines


def _same(before: Any, after: Any) -> bool:
    return before == after and isinstance(before, bool) == isinstance(after, bool)


def _show(name: str, values: Mapping[str, Any]) -> str:
    if name not in values:
        return _ABSENT
    text = orjson.dumps(values[name], default=str).decode()
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
