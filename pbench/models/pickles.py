"""A pickled weight file, for those who trust it; the same face as a safetensors file.

Read with torch's `weights_only`, which admits tensors and plain containers and no other code.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from pbench.artifacts import file_hash
from pbench.errors import ArtifactError
from pbench.models.safetensors_file import Entry, Room, nowhere

__all__ = ["PickleFile"]


class PickleFile:
    """`entries`, `chunks` and `digest` as in `SafetensorsFile`."""

    def __init__(self, path: Path):
        self.path = path
        try:
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError) as error:
            raise ArtifactError(f"{path}: {str(error).splitlines()[0]}") from None
        if not isinstance(content, dict) or not all(isinstance(x, Tensor) for x in content.values()):
            raise ArtifactError(f"{path}: is no dictionary of tensors")
        self._tensors: dict[str, Tensor] = content
        self.entries = [Entry(name, x.dtype, tuple(x.shape), 0, 0) for name, x in content.items()]

    def digest(self) -> str:
        """SHA-256 of the file."""
        return file_hash(self.path)

    def chunks(self, room: Room = nowhere) -> Iterator[tuple[Entry, int, Tensor]]:  # noqa: ARG002 - mapped
        """Every tensor whole."""
        for entry in self.entries:
            yield entry, 0, self._tensors[entry.name].reshape(entry.rows)
