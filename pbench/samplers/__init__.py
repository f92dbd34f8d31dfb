"""Unmasking policies: pure tensor code between a model's logits and the canvas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pbench.config import validate_options
from pbench.errors import UsageError, nearest
from pbench.interfaces import Sampler
from pbench.samplers.registry import SAMPLERS

__all__ = ["SAMPLERS", "make_sampler"]


def make_sampler(name: str, options: Mapping[str, Any]) -> Sampler:
    """The sampler `name` with `options` (as named on the command line, `_` for `-`).

    UsageError for unknown names, options that this sampler does not take, and bad values.
    """
    cls = SAMPLERS.get(name)
    known = list(cls.Options.model_fields)
    for option in options:
        if option not in known:
            takes = ", ".join(_flag(each) for each in known) or "none"
            hint = nearest(option, known)
            raise UsageError(f"sampler {cls.name!r} takes no option {_flag(option)}{hint}; options: {takes}")
    return cls(validate_options(cls.Options, options, f"sampler {cls.name!r}"))


def _flag(option: str) -> str:
    return "--" + option.replace("_", "-")
