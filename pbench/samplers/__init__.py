"""Unmasking policies: pure tensor code between a model's logits and the canvas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from pbench.config import validate_options
from pbench.errors import UsageError, nearest
from pbench.interfaces import Sampler
from pbench.samplers.min_gap import MinGap, with_min_gap
from pbench.samplers.registry import SAMPLERS

__all__ = ["SAMPLERS", "make_sampler", "options_model", "samplers_taking"]


def make_sampler(name: str, options: Mapping[str, Any]) -> Sampler:
    """The sampler `name` with `options` (as named on the command line, `_` for `-`).

    `min_gap` is accepted for every sampler. UsageError for unknown names, options that this sampler
    does not take, and bad values.
    """
    cls = SAMPLERS.get(name)
    model = options_model(name)
    known = list(model.model_fields)
    for option in options:
        if option not in known:
            takes = ", ".join(_flag(each) for each in known)
            hint = nearest(option, known)
            raise UsageError(f"sampler {cls.name!r} takes no option {_flag(option)}{hint}; options: {takes}")
    what = f"sampler {cls.name!r}"
    if options.get("min_gap") is None:
        return cls(validate_options(cls.Options, options, what))
    valid = validate_options(model, options, what)
    return MinGap(cls(valid), valid)


def options_model(name: str) -> type[BaseModel]:
    """All options that `make_sampler` accepts for `name`: the sampler's own and `min_gap`."""
    return with_min_gap(SAMPLERS.get(name).Options)


def samplers_taking(option: str) -> list[str]:
    """Our samplers that have an option of this name (`_` for `-`)."""
    return [name for name in SAMPLERS.own_names() if option in SAMPLERS.get(name).Options.model_fields]


def _flag(option: str) -> str:
    return "--" + option.replace("_", "-")
