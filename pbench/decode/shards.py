"""A part of a run, for the arrays of a cluster's queue: `--shard 2/8` decodes every eighth sample.

A shard writes a file of its own beside the run's (`RUN.shard-2-of-8.parquet`), with the same
config_id. The run itself, without `--shard`, takes in what shards lie there and decodes the rest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from pbench.errors import UsageError
from pbench.records import Sample

__all__ = ["Shard", "deal", "journal_path", "shard_path", "shard_paths", "shard_samples"]

T = TypeVar("T")

_SHARD = re.compile(r"([1-9]\d*)/([1-9]\d*)")
_ENDING = re.compile(r"\.shard-\d+-of-\d+(\.journal\.jsonl)?")


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `index` (from 1) of `count`."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """`2/8`; UsageError for anything else."""
        match = _SHARD.fullmatch(text)
        if match is None or int(match[1]) > int(match[2]):
            raise UsageError(f"--shard {text}: write part/parts, such as 3/8 for the third of eight")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def shard_samples(samples: Sequence[Sample], shard: Shard) -> list[Sample]:
    """The samples of one shard, in their order: a draw by name, so that no shard gets the long lists."""
    drawn = sorted(samples, key=lambda sample: sha256(sample.sample_id.encode()).digest())
    mine = {sample.sample_id for sample in drawn[shard.index - 1 :: shard.count]}
    return [sample for sample in samples if sample.sample_id in mine]


def deal(items: Sequence[T], costs: Sequence[int], shard: Shard) -> list[T]:
    """The whole items of one shard, in their order: the dearest first, each to who has least so far."""
    load = [0] * shard.count
    mine: set[int] = set()
    for place in sorted(range(len(items)), key=lambda place: -costs[place]):
        least = min(range(shard.count), key=load.__getitem__)
        load[least] += max(1, costs[place])
        if least == shard.index - 1:
            mine.add(place)
    return [item for place, item in enumerate(items) if place in mine]


def journal_path(out: Path) -> Path:
    """Where the journal of the run at `out` lies while it goes on."""
    return out.with_name(f"{out.stem}.journal.jsonl")


def shard_path(out: Path, shard: Shard) -> Path:
    """Where a shard of the run at `out` is written."""
    return out.with_name(f"{out.stem}.shard-{shard.index}-of-{shard.count}{out.suffix}")


def shard_paths(out: Path) -> list[Path]:
    """The shards of the run at `out` of which there is a file or a journal, sorted by name."""
    if not out.parent.is_dir():
        return []
    with os.scandir(out.parent) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(f"{out.stem}.shard-")]
    found = set()
    for name in names:
        match = _ENDING.match(name, len(out.stem))
        if match is not None and name[match.end() :] in ("", out.suffix):
            found.add(out.with_name(out.stem + match[0].removesuffix(".journal.jsonl") + out.suffix))
    return sorted(found)
