"""A decode run: samples in, one generations file out, nothing lost on the way.

While it goes on, each finished answer is a line of `<run>.journal.jsonl`; the file itself appears
whole at the end. The same configuration on the same file goes on where it stopped, takes in more
tasks or a larger limit, or is done at once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pbench.artifacts import (
    Journal,
    difference,
    environment,
    read_manifest,
    read_rows,
    run_lock,
    write_artifact,
)
from pbench.config import config_id
from pbench.decode.data import TaskData, spread
from pbench.decode.runners import Runner
from pbench.decode.usage import usage_of
from pbench.errors import PbenchError, UsageError
from pbench.records import Generation, Sample

__all__ = ["Plan", "Result", "decode_run", "journal_path", "make_plan"]

FLUSH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked to do: the data, the samples chosen of it, and its identity."""

    tasks: tuple[TaskData, ...]
    samples: tuple[Sample, ...]
    identity: Mapping[str, Any]
    command: tuple[str, ...] = ()

    @property
    def data(self) -> dict[str, str]:
        return {task.name: task.content_hash for task in self.tasks}


@dataclass(frozen=True, slots=True)
class Result:
    """Where the run is and how it went; `decoded` counts the samples of this call."""

    path: Path
    counts: dict[str, int]
    decoded: int
    warnings: tuple[str, ...]


def make_plan(
    tasks: Sequence[TaskData],
    identity: Mapping[str, Any],
    *,
    limit: int | None = None,
    gen_length: int | None = None,
    fit: Callable[[Sample], Sample] | None = None,
    command: Sequence[str] = (),
) -> Plan:
    """Choose `limit` samples of each task, and give them another gen_length where one is asked for.

    `fit` gives each sample the gen_length of its own canvas (see `pbench.decode.infill`).
    """
    chosen = [sample for task in tasks for sample in spread(task.samples, limit)]
    if gen_length is not None:
        chosen = [replace(sample, gen_length=gen_length) for sample in chosen]
    if fit is not None:
        chosen = [fit(sample) for sample in chosen]
    return Plan(tuple(tasks), tuple(chosen), identity, tuple(command))


def journal_path(out: Path) -> Path:
    """Where the journal of the run at `out` lies while it goes on."""
    return out.with_name(f"{out.stem}.journal.jsonl")


def decode_run(
    plan: Plan, runner: Runner, out: Path, on_progress: Callable[[int, Sequence[Generation]], None]
) -> Result:
    """Decode with `runner` what `out` does not hold yet.

    `on_progress(total, rows)` is called after rows are safely in the journal. UsageError if `out`
    or its journal belongs to another configuration or other data; LockedError if another process
    works on it. An interrupt leaves the journal for the next call.
    """
    runner.check(plan.samples)
    with run_lock(out):
        past = _Past.read(out, plan)
        done = past.done
        todo = [sample for sample in plan.samples if sample.sample_id not in done]
        if not todo and past.journal is None:
            return Result(out, past.counts(), 0, past.warnings)
        with _journal(out, past) as journal:
            _decode(todo, runner, journal, past, on_progress)
            _write(out, plan, past, runner)
            journal.remove()
        return Result(out, past.counts(), len(past.fresh), (*past.warnings, *runner.notes))


@contextmanager
def _journal(out: Path, past: _Past) -> Iterator[Journal]:
    """The run's journal, closed at the end; one that holds nothing yet does not survive an error."""
    journal = past.journal or Journal.create(journal_path(out), past.manifest)
    with journal:
        try:
            yield journal
        except BaseException:
            if past.journal is None and not past.fresh:
                journal.remove()
            raise


class _Past:
    """What the file and the journal of a run hold already, checked against the plan."""

    def __init__(self, manifest: dict[str, Any]):
        self.manifest = manifest
        self.rows: dict[str, Generation] = {}
        self.journal: Journal | None = None
        self.warnings: tuple[str, ...] = ()
        self.fresh: list[Generation] = []  # what this call has added, all of it in the journal

    @classmethod
    def read(cls, out: Path, plan: Plan) -> _Past:
        past = cls(_new_manifest(plan))
        if out.exists():
            past.manifest = _same_run(out, read_manifest(out), plan)
            past.add(read_rows(out, "generations"))
        journal = journal_path(out)
        if journal.exists():
            replay = Journal.open(journal)
            try:
                past.manifest = _same_run(journal, replay.manifest, plan)
            except UsageError:
                replay.journal.close()
                raise
            past.journal = replay.journal
            past.warnings = (replay.warning,) if replay.warning else ()
            past.add(replay.rows)
        return past

    def add(self, rows: Iterable[Generation]) -> None:
        """Take in rows; an error never replaces an answer."""
        for row in rows:
            earlier = self.rows.get(row.sample.sample_id)
            if earlier is None or row.status != "error" or earlier.status == "error":
                self.rows[row.sample.sample_id] = row

    @property
    def done(self) -> set[str]:
        return {name for name, row in self.rows.items() if row.status != "error"}

    def attempt(self, sample_id: str) -> int:
        earlier = self.rows.get(sample_id)
        return 1 if earlier is None else earlier.attempt + 1

    def counts(self) -> dict[str, int]:
        return dict(sorted(Counter(row.status for row in self.rows.values()).items()))


def _new_manifest(plan: Plan) -> dict[str, Any]:
    return {
        "config_id": config_id(plan.identity),
        "identity": dict(plan.identity),
        "data": plan.data,
        "tasks": {},
        "counts": {},
        "status": "running",
        "command": list(plan.command),
        "environment": environment(),
        "started": _now(),
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


def _decode(
    todo: Sequence[Sample],
    runner: Runner,
    journal: Journal,
    past: _Past,
    on_progress: Callable[[int, Sequence[Generation]], None],
) -> None:
    """Decode `todo`, journalling finished answers in small batches, whatever ends the loop."""
    waiting: list[Generation] = []

    def save() -> None:
        if waiting:
            journal.append(waiting)
            past.fresh.extend(waiting)
            past.add(waiting)
            on_progress(len(todo), tuple(waiting))
            waiting.clear()

    try:
        saved = time.monotonic()
        with closing(runner.run(todo)) as answers:
            for generation in answers:
                waiting.append(replace(generation, attempt=past.attempt(generation.sample.sample_id)))
                paid = generation.usage is not None  # a kill must not cost the same answer again
                if paid or time.monotonic() - saved >= FLUSH_SECONDS:
                    save()
                    saved = time.monotonic()
    finally:
        save()
    missing = {sample.sample_id for sample in todo} - {row.sample.sample_id for row in past.fresh}
    if missing:
        raise PbenchError(f"a bug in the model's code: no row for {', '.join(sorted(missing)[:3])}")


def _write(out: Path, plan: Plan, past: _Past, runner: Runner) -> None:
    """Build the final file: rows by task and index, the manifest with its counts."""
    rows = sorted(past.rows.values(), key=lambda row: (row.sample.task, row.sample.index))
    known = {task.name: task for task in plan.tasks}
    tasks: dict[str, Any] = dict(past.manifest["tasks"])
    for name in {row.sample.task for row in rows}:
        mine = [row for row in rows if row.sample.task == name]
        first = mine[0].sample
        total = len(known[name].samples) if name in known else tasks[name]["samples"]
        tasks[name] = {
            "category": first.category,
            "metric": first.metric,
            "headline": first.headline,
            "samples": total,
            "selected": len(mine),
            "done": sum(row.status != "error" for row in mine),
        }
    manifest = past.manifest | {
        "tasks": dict(sorted(tasks.items())),
        "counts": past.counts(),
        "status": "complete",
        "tokens": runner.tokens(rows),
        "ended": _now(),
        "usage": usage_of(rows),
        "decoded_seconds": round(sum(row.seconds or 0.0 for row in past.fresh), 3),
        "execution": runner.facts() | {"notes": runner.notes},
    }
    write_artifact(out, "generations", rows, manifest)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
