"""Random numbers of a sample: they depend on (seed, task, index, purpose) and on nothing else."""

from __future__ import annotations

import hashlib

import torch

__all__ = ["sample_stream"]


def sample_stream(seed: int, task: str, index: int, purpose: str) -> torch.Generator:
    """A CPU generator of its own for one purpose ("order", "token", ...) of one sample.

    On the CPU whatever the model's device is, so that a GPU draws the same numbers.
    """
    digest = hashlib.sha256(f"{seed}\0{task}\0{index}\0{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
