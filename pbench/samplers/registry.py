"""The registry of samplers; plug-ins join by the entry point group `pbench.samplers`."""

from __future__ import annotations

from typing import Any

from pbench.plugins import Registry

__all__ = ["SAMPLERS"]

_PARTS = ("name", "aliases", "traits", "Options", "check", "plan_block", "max_steps", "select")


def _is_sampler(thing: Any) -> bool:
    return isinstance(thing, type) and all(hasattr(thing, part) for part in _PARTS)


# Classes that satisfy pbench.interfaces.Sampler; their options classes differ, hence Any.
SAMPLERS: Registry[type[Any]] = Registry(
    "sampler",
    "pbench.samplers",
    (
        "pbench.samplers.topk",
        "pbench.samplers.threshold",
        "pbench.samplers.factor",
        "pbench.samplers.frechet",
        "pbench.samplers.entropy_bounded",
        "pbench.samplers.klass",
        "pbench.samplers.dilated",
        "pbench.samplers.local_leap",
        "pbench.samplers.hierarchical",
        "pbench.samplers.credit",
        "pbench.samplers.dynamic",
        "pbench.samplers.origin",
        "pbench.samplers.slowfast",
        "pbench.samplers.wino",
        "pbench.samplers.pc",
        "pbench.samplers.apd",
        "pbench.samplers.joint_threshold",
        "pbench.samplers.remdm",
        "pbench.samplers.rcr",
    ),
    _is_sampler,
)
