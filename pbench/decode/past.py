"""What there is of a run already: its file, its journal and its shards, checked against the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pbench.artifacts import Journal, difference, environment, read_columns, read_manifest, read_rows
from pbench.config import config_id
from pbench.decode.plan import Plan
from pbench.decode.shards import journal_path
from pbench.errors import UsageError
from pbench.records import Generation

__all__ = ["UNMEASURED", "Past", "now", "statuses"]

UNMEASURED = "unmeasured"

_here = cache(environment)  # one process, one environment; finding it out starts git


class Past:
    """What is there, all of it of this very run; `fresh` is what this call adds.

    `whole`: the file holds all of the rows. `shards`: those taken in, with their manifests.
    """

    def __init__(self, manifest: dict[str, Any]):
        self.manifest = manifest
        self.rows: dict[str, Generation] = {}
        self.journal: Journal | None = None
        self.shards: dict[Path, dict[str, Any]] = {}
        self.warnings: list[str] = []
        self.fresh: list[Generation] = []
        self.whole = False

    @classmethod
    def read(cls, out: Path, plan: Plan, shards: Sequence[Path] = ()) -> Past:
        """Of the file `out`, its journal and these shards; UsageError if one is of another run."""
        past = cls(_new_manifest(plan))
        found = out.exists()
        if found:
            past.manifest = past._file(out, plan)
            past.whole = True
        past.shards = {path: past._shard(path, plan) for path in shards}
        if past.shards and not found:
            past.manifest |= _of_parts(list(past.shards.values()))
        journal = journal_path(out)
        if journal.exists():
            past.journal, manifest = past._replay(journal, plan)
            if not found and not past.shards:
                past.manifest = manifest
        return past

    def add(self, rows: Iterable[Generation]) -> None:
        """Take in rows: the first answer to a sample stays, unless only a later one has its gap measured.

        An error never replaces an answer.
        """
        for row in rows:
            earlier = self.rows.get(row.sample.sample_id)
            if earlier is None or earlier.status == "error" or (earlier.gap is None and row.gap is not None):
                self.rows[row.sample.sample_id] = row
                self.whole = False

    def done(self, measured: bool) -> set[str]:
        """Samples with an answer; only those with their dependency gap if it is to be `measured`."""
        answered = {name: row for name, row in self.rows.items() if row.status != "error"}
        return {name for name, row in answered.items() if row.gap is not None or not measured}

    def next_attempt(self, row: Generation) -> Generation:
        """`row` with the number of its attempt."""
        earlier = self.rows.get(row.sample.sample_id)
        return row if earlier is None else replace(row, attempt=earlier.attempt + 1)

    def counts(self) -> dict[str, int]:
        return dict(sorted(Counter(row.status for row in self.rows.values()).items()))

    def close(self) -> None:
        """Close the journal, and leave it where it is."""
        if self.journal is not None:
            self.journal.close()

    def remove(self) -> None:
        """Remove the journal and the shards: what they held is in the run's file."""
        if self.journal is not None:
            self.journal.remove()
        for path in self.shards:
            for each in (path, path.with_name(f"{path.name}.manifest.json"), journal_path(path)):
                each.unlink(missing_ok=True)

    def _file(self, path: Path, plan: Plan) -> dict[str, Any]:
        manifest = _same_run(path, read_manifest(path), plan)
        self.add(read_rows(path, "generations"))
        return manifest

    def _shard(self, path: Path, plan: Plan) -> dict[str, Any]:
        """Take in a shard: its file, and the journal that a killed one left."""
        manifests = [self._file(path, plan)] if path.exists() else []
        if journal_path(path).exists():
            journal, manifest = self._replay(journal_path(path), plan)
            journal.close()
            manifests.append(manifest)
        return manifests[0]

    def _replay(self, path: Path, plan: Plan) -> tuple[Journal, dict[str, Any]]:
        replay = Journal.open(path)
        with ExitStack() as stack:
            stack.callback(replay.journal.close)
            manifest = _same_run(path, replay.manifest, plan)
            self.add(replay.rows)
            self.warnings += [replay.warning] if replay.warning else []
            stack.pop_all()
        return replay.journal, manifest


def statuses(path: Path, plan: Plan) -> dict[str, str]:
    """The status of each sample in the file of a run, read without the rows; empty if there is no file.

    UNMEASURED stands for an answer that lacks a dependency gap which the plan asks for. UsageError if
    the file is of another run.
    """
    if not path.exists():
        return {}
    _same_run(path, read_manifest(path), plan)
    columns = read_columns(path, "generations", ["sample_id", "status", "gap"])
    found = columns["status"].to_pylist()
    if plan.measure_gap:
        lacking = columns["gap"].is_null().to_pylist()
        found = [
            UNMEASURED if none and each != "error" else each
            for each, none in zip(found, lacking, strict=True)
        ]
    return dict(zip(columns["sample_id"].to_pylist(), found, strict=True))


def now() -> str:
    """This second, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _new_manifest(plan: Plan) -> dict[str, Any]:
    shard = {} if plan.shard is None else {"shard": str(plan.shard)}
    return {
        "config_id": config_id(plan.identity),
        **shard,
        "identity": dict(plan.identity),
        "data": plan.data,
        "tasks": {task.name: {"samples": len(task.samples)} for task in plan.tasks},
        "counts": {},
        "status": "running",
        "command": list(plan.command),
        "environment": _here(),
        "started": now(),
    }


def _of_parts(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the manifest of a whole takes from those of its shards."""
    return {
        "data": {task: content for part in parts for task, content in part["data"].items()},
        "tasks": {name: task for part in parts for name, task in part["tasks"].items()},
        "environment": parts[0]["environment"],
        "started": min(part["started"] for part in parts),
    }


def _same_run(path: Path, manifest: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """The manifest of an earlier part of this very run; UsageError with the difference otherwise."""
    data = manifest.get("data", {})
    shared = {task: data[task] for task in plan.data if task in data}
    changed = difference(manifest.get("identity", {}), plan.identity)
    changed += difference({"data": shared}, {"data": {task: plan.data[task] for task in shared}})
    if changed:
        raise UsageError(f"{path} holds another run ({'; '.join(changed)}); choose another --out")
    return manifest | {"data": {**data, **plan.data}}
