"""A decode run: samples in, one generations file out, nothing lost on the way.

While it goes on, each finished answer is a line of `<run>.journal.jsonl`; the file itself appears
whole at the end. The same configuration on the same file goes on where it stopped, takes in more
tasks or a larger limit, puts shards together, or is done at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pbench.artifacts import Journal, run_lock, write_artifact
from pbench.decode.interrupts import take_in
from pbench.decode.past import UNMEASURED, Past, now, statuses
from pbench.decode.plan import Plan
from pbench.decode.runners import Runner
from pbench.decode.saver import Saver
from pbench.decode.shards import journal_path, shard_paths
from pbench.decode.usage import usage_of
from pbench.errors import PbenchError
from pbench.records import Generation, Sample

__all__ = ["Result", "decode_run", "finished"]

FLUSH_SECONDS = 0.2  # at least, between two writes to the journal

OnProgress = Callable[[int, Sequence[Generation]], None]


@dataclass(frozen=True, slots=True)
class Result:
    """Where the run is and how it went: samples that this call decoded, shards that it took in."""

    path: Path
    counts: dict[str, int]
    decoded: int
    warnings: tuple[str, ...]
    shards: int = 0


def decode_run(plan: Plan, runner: Runner, out: Path, on_progress: OnProgress) -> Result:
    """Decode with `runner` what `out` does not hold yet, or, of a shard, what is its part of that.

    `on_progress(total, rows)` is called after rows are safely in the journal. UsageError if `out`,
    its journal or a shard belongs to another configuration or other data; LockedError if another
    process works on one of them. An interrupt leaves the journal for the next call.
    """
    target = plan.path(out)
    with ExitStack() as stack:
        stack.enter_context(run_lock(target))
        result = finished(plan, out)
        if result is not None:
            return result
        shards = [] if plan.shard is not None else shard_paths(out)
        for path in shards:
            stack.enter_context(run_lock(path))
        past = Past.read(target, plan, shards)
        stack.callback(past.close)
        done = past.done(plan.measure_gap)
        if plan.shard is not None:
            done |= _answered(statuses(out, plan))
        todo = [sample for sample in plan.samples if sample.sample_id not in done]
        again = sum(sample.sample_id in past.done(measured=False) for sample in todo)
        if again:
            past.warnings.append(f"{out}: {again} answers have no dependency gap; they are decoded again")
        if todo:
            runner.check(todo)
            _decode(todo, runner, target, past, on_progress)
        if not past.whole or past.journal is not None:
            _write(target, plan, past, runner)
        past.remove()
        warnings = (*past.warnings, *runner.notes)
        return Result(target, past.counts(), len(past.fresh), warnings, len(shards))


def finished(plan: Plan, out: Path) -> Result | None:
    """The result if all samples of the plan have an answer in the run's file, or the shard's.

    None if there is something to decode or to put together. Rows are not read.
    """
    for path in dict.fromkeys([out, plan.path(out)]):
        if journal_path(path).exists() or (plan.shard is None and shard_paths(path)):
            continue
        status = statuses(path, plan)
        if status and _answered(status) >= {sample.sample_id for sample in plan.samples}:
            values = list(status.values())
            return Result(path, {name: values.count(name) for name in sorted(set(values))}, 0, ())
    return None


def _answered(status: dict[str, str]) -> set[str]:
    return {name for name, each in status.items() if each not in ("error", UNMEASURED)}


def _decode(todo: Sequence[Sample], runner: Runner, out: Path, past: Past, on_progress: OnProgress) -> None:
    """Decode `todo`; what is finished gets into the journal, whatever ends the loop."""

    def tell(rows: list[Generation]) -> None:
        if rows:
            past.fresh.extend(rows)
            on_progress(len(todo), tuple(rows))

    def write(rows: Sequence[Generation]) -> None:
        if past.journal is None:
            past.journal = Journal.create(journal_path(out), past.manifest, rows)
        else:
            past.journal.append(rows)

    def save(row: Generation) -> None:
        paid = row.usage is not None  # a kill must not cost the same answer again
        tell(saver.add(past.next_attempt(row), at_once=paid))

    saver = Saver(write, FLUSH_SECONDS)
    try:
        with saver, closing(runner.run(todo)) as answers:
            take_in(answers, save)
    finally:
        tell(saver.saved())
        past.add(past.fresh)
    missing = {sample.sample_id for sample in todo} - {row.sample.sample_id for row in past.fresh}
    if missing:
        raise PbenchError(f"a bug in the model's code: no row for {', '.join(sorted(missing)[:3])}")


def _write(out: Path, plan: Plan, past: Past, runner: Runner) -> None:
    """Build the final file: rows by task and index, the manifest with its counts."""
    rows = sorted(past.rows.values(), key=lambda row: (row.sample.task, row.sample.index))
    seconds = sum(part.get("decoded_seconds", 0.0) for part in past.shards.values())
    manifest = past.manifest | {
        "tasks": _tasks(rows, plan, past.manifest["tasks"]),
        "counts": past.counts(),
        "gaps": sum(row.gap is not None for row in rows),
        "status": "complete" if plan.shard is None else "partial",
        "tokens": runner.tokens(rows),
        "ended": now(),
        "usage": usage_of(rows),
        "decoded_seconds": round(seconds + sum(row.seconds or 0.0 for row in past.fresh), 3),
        "execution": _execution(past, runner),
    }
    write_artifact(out, "generations", rows, manifest)


def _tasks(rows: Sequence[Generation], plan: Plan, before: dict[str, Any]) -> dict[str, Any]:
    """What the manifest says of each task: how many samples it has, were selected, have an answer."""
    by_task: dict[str, list[Generation]] = {}
    for row in rows:
        by_task.setdefault(row.sample.task, []).append(row)
    known = {task.name: len(task.samples) for task in plan.tasks}
    tasks = {}
    for name, mine in by_task.items():
        first = mine[0].sample
        tasks[name] = {
            "category": first.category,
            "metric": first.metric,
            "headline": first.headline,
            "samples": known.get(name) or before.get(name, {}).get("samples", len(mine)),
            "selected": len(mine),
            "done": sum(row.status != "error" for row in mine),
        }
    return dict(sorted(tasks.items()))


def _execution(past: Past, runner: Runner) -> dict[str, Any]:
    """Where and how it ran: this call, and each shard that was taken in."""
    parts = []
    for part in past.shards.values():
        told = {"shard": part["shard"], **part.get("execution", {})}
        if part["environment"] != past.manifest["environment"]:
            told["environment"] = part["environment"]
        parts.append(told)
    own = runner.facts() | {"notes": runner.notes} if past.fresh or not parts else {}
    return own | ({"shards": parts} if parts else {})
