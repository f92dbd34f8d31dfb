"""pbench: what parallel decoding costs a diffusion language model, measured.

`load_task` and `score_answer` come from `pbench.api` when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "load_task", "score_answer"]


def __getattr__(name: str) -> Any:
    if name in ("load_task", "score_answer"):
        return getattr(import_module("pbench.api"), name)
    raise AttributeError(f"module 'pbench' has no attribute {name!r}")
