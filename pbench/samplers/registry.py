"""The registry of samplers; plug-ins join by the entry point group `pbench.samplers`."""

from __future__ import annotations

from typing import Any

from pbench.plugins import Registry

__all__ = ["SAMPLERS"]

# Classes that satisfy pbench.interfaces.Sampler; their options classes differ, hence Any.
SAMPLERS: Registry[type[Any]] = Registry(
    "sampler",
    "pbench.samplers",
    ("pbench.samplers.topk", "pbench.samplers.threshold", "pbench.samplers.factor"),
)
