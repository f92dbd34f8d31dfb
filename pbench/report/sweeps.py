"""What each sampler sweeps: its parameter, the direction of speed, and whether it adapts.

A sampler is adaptive if the number of tokens that it commits in a step follows the model's
certainty, so that every speed between two settings can be had by a setting in between. The public
leaderboard counts dilated unmasking (swept by its block length) among these, and so do we.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["is_adaptive", "is_threshold", "speed_rank", "swept_parameter", "usual_parameter"]

_COUNT = ("k", "steps")
_SWEPT: dict[str, tuple[str, ...]] = {
    "random": _COUNT,
    "left-to-right": _COUNT,
    "confidence": _COUNT,
    "margin": _COUNT,
    "entropy": _COUNT,
    "origin": ("steps",),
    "pc": _COUNT,
    "remdm": _COUNT,
    "rcr": _COUNT,
    "dilated": ("block_length",),
    "threshold": ("gamma",),
    "dynamic": ("gamma",),
    "factor": ("factor",),
    "frechet": ("delta",),
    "entropy-bounded": ("entropy_bound",),
    "klass": ("gamma",),
    "slowfast": ("gamma",),
    "wino": ("gamma",),
    "apd": ("mixture",),
    "local-leap": ("gamma",),
    "hierarchical": ("gamma",),
    "credit": ("gamma",),
    "joint-threshold": ("gamma",),
}
_ADAPTIVE_PARAMETERS = ("gamma", "factor", "delta", "entropy_bound", "mixture")
_SLOWER_WHEN_LARGER = frozenset({"steps", "gamma", "delta"})


def swept_parameter(sampler: str | None, params: Mapping[str, Any]) -> str | None:
    """Name of the parameter along which the settings of this sampler form a curve; None if there is none.

    An unknown sampler (a plug-in) sweeps the first option that carries one of the known names.
    """
    if sampler is None:
        return None
    if sampler == "dilated":
        return "block_length"
    names = _SWEPT.get(sampler, (*_ADAPTIVE_PARAMETERS, *_COUNT))
    return next((name for name in names if params.get(name) is not None), None)


def usual_parameter(sampler: str) -> str:
    """What published settings of a sampler differ in; an unknown sampler is taken for an adaptive one."""
    return _SWEPT.get(sampler, ("gamma",))[0]


def is_adaptive(parameter: str | None) -> bool:
    """Whether settings of this parameter may be interpolated: it counts no tokens a step."""
    return parameter in (*_ADAPTIVE_PARAMETERS, "block_length")


def is_threshold(parameter: str | None) -> bool:
    """Whether the parameter is a confidence threshold."""
    return parameter == "gamma"


def speed_rank(parameter: str | None, value: Any) -> float:
    """A number that grows with the speed of the setting, for ordering one sampler's settings."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float("inf")  # block_length `full`: the longest block
    return -float(value) if parameter in _SLOWER_WHEN_LARGER else float(value)
