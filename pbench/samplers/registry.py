"""The registry of samplers; plug-ins join by the entry point group `pbench.samplers`."""

from __future__ import annotations

from pbench.interfaces import Sampler
from pbench.plugins import Registry

__all__ = ["SAMPLERS"]

SAMPLERS: Registry[type[Sampler]] = Registry(
    "sampler",
    "pbench.samplers",
    ("pbench.samplers.topk", "pbench.samplers.threshold", "pbench.samplers.factor"),
)
