"""What there is to say of a sampler: rule, options, source, checks and flags, from its own code.

The rule is the docstring of the class; source and checks are the docstring of its module, the
checks being the sentence that begins with "Checked against".
"""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from pbench.interfaces import Traits
from pbench.samplers import options_model
from pbench.samplers.registry import SAMPLERS

__all__ = ["card"]

_CHECKED = re.compile(r"Checked against .*?\.(?=\s|$)")
_BOUNDS = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))


def card(name: str) -> dict[str, Any]:
    """Everything about the sampler `name`, as JSON values. UsageError if it cannot be had.

    Keys: name, aliases, rule, options (name, type, range, choices, default, required, description),
    source, checked (None where the module does not say), flags (the true ones of Traits), needs.
    """
    cls = SAMPLERS.get(name)
    about = _text(sys.modules[cls.__module__])
    checked = _CHECKED.search(about)
    return {
        "name": cls.name,
        "aliases": list(cls.aliases),
        "rule": _text(cls),
        "options": [_option(key, field) for key, field in options_model(name).model_fields.items()],
        "source": " ".join(_CHECKED.sub("", about).split()),
        "checked": None if checked is None else checked[0],
        "flags": [flag.name for flag in fields(Traits) if getattr(cls.traits, flag.name) is True],
        "needs": sorted(cls.traits.needs),
    }


def _text(documented: Any) -> str:
    """A docstring as one line."""
    return " ".join((inspect.getdoc(documented) or "").split())


def _option(key: str, field: FieldInfo) -> dict[str, Any]:
    kinds = [kind for kind in get_args(field.annotation) or (field.annotation,) if kind is not type(None)]
    choices = list(get_args(field.annotation)) if get_origin(field.annotation) is Literal else None
    return {
        "name": key.replace("_", "-"),
        "type": "choice" if choices else _KINDS.get(kinds[0], "text"),
        "range": _range(field),
        "choices": choices,
        "default": None if field.is_required() else field.default,
        "required": field.is_required(),
        "description": field.description or "",
    }


_KINDS: dict[Any, str] = {int: "integer", float: "number", bool: "true or false"}


def _range(field: FieldInfo) -> str | None:
    """The bounds in words, `>= 0, <= 2`; None where there are none."""
    bounds = [
        f"{sign} {getattr(limit, bound):g}"
        for limit in field.metadata
        for bound, sign in _BOUNDS
        if getattr(limit, bound, None) is not None
    ]
    return ", ".join(bounds) or None
