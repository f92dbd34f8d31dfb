"""How many rows a batch may have: what memory is free, what a row takes, and what running out looks like.

The rule of `--batch-size auto` (docs/decoding.md): on a CUDA device the first step of a batch of 1
and of 4 rows is run and its peak measured, and the batch is as large as 90 % of the free memory
allows if the rest grows as those two did; on the CPU a row is taken to need `Answerer.row_bytes`,
and half of the available memory may be used. What does not fit all the same is halved.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

import torch

from pbench.records import Sample

__all__ = [
    "AUTO",
    "BatchSize",
    "Sized",
    "available_bytes",
    "largest_batch",
    "out_of_memory",
    "rows_that_fit",
    "sample_size",
]

AUTO: Literal["auto"] = "auto"
BatchSize = int | Literal["auto"]

_MOST_CPU, _MOST_CUDA = 64, 512  # beyond these, larger batches gained nothing but padding
_SHARE_CPU, _SHARE_CUDA = 0.5, 0.9
_PROBES = (1, 4)
_PHRASES = ("can't allocate memory", "out of memory", "ALLOC_FAILED")


class Sized(Protocol):
    """A model at work that can say, or try, what memory a batch takes; see `runners.Answerer`."""

    @property
    def device(self) -> str: ...

    def row_bytes(self, samples: Sequence[Sample]) -> int: ...

    def probe(self, samples: Sequence[Sample]) -> None: ...


def out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that a device or the machine has no memory left."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error) for phrase in _PHRASES)


def largest_batch(model: Sized, samples: Sequence[Sample], sharers: int = 1) -> int:
    """The rows of `--batch-size auto`; `sharers` processes share the memory of the machine."""
    if torch.device(model.device).type != "cuda":
        free = int(_SHARE_CPU * available_bytes() / sharers)
        return max(1, min(len(samples), _MOST_CPU, free // max(1, model.row_bytes(samples))))
    longest = sorted(samples, key=sample_size, reverse=True)
    most = min(len(samples), _MOST_CUDA)
    device = torch.device(model.device)
    torch.cuda.empty_cache()
    free = int(_SHARE_CUDA * torch.cuda.mem_get_info(device)[0] / sharers)
    return rows_that_fit(lambda rows: _peak(model, longest[:rows], device), free, most)


def rows_that_fit(peak: Callable[[int], int], free: int, most: int) -> int:
    """The most rows, up to `most`, whose peak stays below `free` bytes: a line through two measured ones.

    `peak(rows)` may run out of memory: then what came before it is all that fits.
    """
    few, more = (min(rows, most) for rows in _PROBES)
    if more == few:
        return few
    base = peak(few)
    try:
        slope = (peak(more) - base) / (more - few)
    except Exception as error:
        if out_of_memory(error):
            return few
        raise
    if slope <= 0:
        return most
    return max(few, min(most, few + int((free - base) // slope)))


def _peak(model: Sized, samples: Sequence[Sample], device: torch.device) -> int:
    """Bytes that the first step of these rows takes beyond what the weights hold."""
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    model.probe(samples)
    torch.cuda.synchronize(device)
    peak = torch.cuda.max_memory_allocated(device) - before
    torch.cuda.empty_cache()
    return peak


def available_bytes() -> int:
    """Memory that this process could still take: what the system says, and its control group's limit."""
    found = [_meminfo(), _group_free()]
    known = [value for value in found if value is not None]
    if known:
        return min(known)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _meminfo(path: Path = Path("/proc/meminfo")) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None


def _group_free(folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes below the limit of the control group (version 2); None without a limit."""
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
    except (OSError, ValueError):
        return None
    return max(0, int(limit) - used) if limit.isdecimal() else None


def sample_size(sample: Sample) -> int:
    """Something to order samples by length with, no tokenizer needed: characters and answer positions."""
    return sample.gen_length + sum(len(message["content"]) for message in sample.messages)
