"""Build samples files: one Parquet file a task, `OUT/<group>/<task>.parquet`, equal bytes everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pbench.artifacts import samples_hash, write_artifact
from pbench.records import Sample
from pbench.tasks.generate import Split, generate, require_room
from pbench.tasks.spec import TaskSpec

__all__ = ["build", "describe"]


def build(
    specs: Iterable[TaskSpec], out: Path, split: Split = "test", samples: int | None = None
) -> list[Path]:
    """Write one file for each task and return the paths, in order.

    `samples` stands in for the number that each task has. Raises UsageError where a task cannot
    give that many, mostly before the first file is written; OSError where the disk refuses. Files
    written before stay.
    """
    specs = list(specs)
    for spec in specs:
        require_room(spec, split, samples)
    return [_build_one(spec, out, split, samples) for spec in specs]


def _build_one(spec: TaskSpec, out: Path, split: Split, samples: int | None) -> Path:
    rows = list(generate(spec, split, samples))
    path = out.joinpath(*spec.name.split("/")).with_suffix(".parquet")
    return write_artifact(path, "samples", rows, _manifest(spec, split, rows))


def _manifest(spec: TaskSpec, split: Split, rows: list[Sample]) -> dict[str, Any]:
    return {
        "task": spec.name,
        "category": spec.category,
        "group": spec.group,
        "metric": spec.metric,
        "headline": spec.headline,
        "gen_length": spec.gen_length,
        "split": split,
        "content_hash": samples_hash(rows),
        "spec": spec.resolved(),
        "source": spec.options.origin,
    }


def describe(specs: Iterable[TaskSpec]) -> Iterator[dict[str, Any]]:
    """One entry of `tasks list` for each task; `hash` is the content hash of its test split."""
    for spec in specs:
        yield {
            "name": spec.name,
            "category": spec.category,
            "samples": spec.samples,
            "metric": spec.metric,
            "gen_length": spec.gen_length,
            "hash": samples_hash(generate(spec)),
        }
