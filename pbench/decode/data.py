"""Samples files as decode reads them: found by task name, verified, thinned out evenly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pbench.artifacts import kind_of, read_manifest, read_rows
from pbench.errors import ArtifactError, UsageError, nearest
from pbench.records import Sample

__all__ = ["TaskData", "choose", "find_tasks", "read_task", "spread"]

_GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class TaskData:
    """One task as it lies on disk; `samples` in the order of the file."""

    name: str
    content_hash: str
    manifest: dict[str, Any]
    samples: tuple[Sample, ...]


def find_tasks(folder: Path) -> dict[str, Path]:
    """Samples files below `folder`, by task name, sorted; the same task in two files is an error."""
    found: dict[str, Path] = {}
    for path in sorted([*folder.rglob("*.parquet"), *folder.rglob("*.jsonl")]):
        if kind_of(path) != "samples":
            continue
        task = read_manifest(path)["task"]
        if task in found:
            raise ArtifactError(f"task {task!r} is in {found[task]} and in {path}; keep one of them")
        found[task] = path
    return found


def choose(wanted: Sequence[str], available: Sequence[str]) -> list[str]:
    """Tasks by full name, by group ("waiting_line") or by a short name that only one task has."""
    chosen: list[str] = []
    for name in wanted:
        matches = [task for task in available if name in (task, task.partition("/")[0])]
        matches = matches or [task for task in available if task.rpartition("/")[2] == name]
        if not matches:
            near = nearest(name, [*available, *(task.rpartition("/")[2] for task in available)])
            raise UsageError(f"unknown task {name!r}{near}; known: {', '.join(sorted(available))}")
        if len(matches) > 1 and name != matches[0].partition("/")[0]:
            raise UsageError(f"task {name!r} can be any of {', '.join(matches)}; give the full name")
        chosen += matches
    return list(dict.fromkeys(chosen))


def read_task(path: Path) -> TaskData:
    """One samples file, every row verified; ArtifactError for none and for twice the same sample."""
    manifest = read_manifest(path)
    samples = tuple(read_rows(path, "samples"))
    if not samples:
        raise ArtifactError(f"{path}: holds no samples")
    if len({sample.sample_id for sample in samples}) < len(samples):
        raise ArtifactError(f"{path}: a sample_id stands twice in it; build the task again")
    return TaskData(manifest["task"], manifest["content_hash"], manifest, samples)


def spread(samples: Sequence[Sample], limit: int | None) -> list[Sample]:
    """`limit` samples spread evenly over the task, in their order; all if there are no more.

    The positions come from a golden-ratio sequence: every prefix of it is even, so a larger limit
    contains a smaller one, and no period of the data (list lengths in turn) is favoured.
    """
    ranked = sorted(range(len(samples)), key=lambda i: (i * _GOLDEN % 1.0, i))
    return [samples[i] for i in sorted(ranked[:limit])]
