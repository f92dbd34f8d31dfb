"""A file of trained weights, which appears whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from pbench.artifacts import atomic_file

__all__ = ["write_weights"]


def write_weights(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write `tensors` as safetensors; OSError names `path` where there is no room for them."""
    with atomic_file(path) as file:
        file.write(save(dict(tensors), metadata))
