"""What a run is asked to do: the samples chosen of the data, and the identity of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pbench.decode.data import TaskData, spread
from pbench.decode.shards import Shard, shard_path, shard_samples
from pbench.records import Sample

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The data, the samples chosen of it (of a shard: its own), and the identity of the run."""

    tasks: tuple[TaskData, ...]
    samples: tuple[Sample, ...]
    identity: Mapping[str, Any]
    command: tuple[str, ...] = ()
    shard: Shard | None = None
    measure_gap: bool = False

    @property
    def data(self) -> dict[str, str]:
        return {task.name: task.content_hash for task in self.tasks}

    def path(self, out: Path) -> Path:
        """The file that is written of the run at `out`."""
        return out if self.shard is None else shard_path(out, self.shard)


def make_plan(
    tasks: Sequence[TaskData],
    identity: Mapping[str, Any],
    *,
    limit: int | None = None,
    gen_length: int | None = None,
    fit: Callable[[Sample], Sample] | None = None,
    command: Sequence[str] = (),
    shard: Shard | None = None,
    measure_gap: bool = False,
) -> Plan:
    """Choose `limit` samples of each task, and give them another gen_length where one is asked for.

    `fit` gives each sample the gen_length of its own canvas (see `pbench.decode.infill`). With
    `measure_gap` an answer without its dependency gap is not finished.
    """
    chosen = [sample for task in tasks for sample in spread(task.samples, limit)]
    if shard is not None:
        chosen = shard_samples(chosen, shard)
    if gen_length is not None:
        chosen = [replace(sample, gen_length=gen_length) for sample in chosen]
    if fit is not None:
        chosen = [fit(sample) for sample in chosen]
    return Plan(tuple(tasks), tuple(chosen), identity, tuple(command), shard, measure_gap)
