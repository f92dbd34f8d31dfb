"""Answers made elsewhere: another engine's JSONL turned into a generations file, a run like any other.

A line is `{"sample_id": "waiting_line/copy/17", "output_text": "..."}`, or `task` and `index`
instead of `sample_id`; `nfe`, `seconds`, `model`, `sampler` and `parameters` may be added. One
file is one run: the last three are the same on all lines that have them.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from pbench.artifacts import (
    file_hash,
    kind_of,
    numbered_lines,
    read_manifest,
    valid_text,
    write_artifact,
)
from pbench.config import canonical_json, config_id
from pbench.errors import ArtifactError, PbenchError, UsageError, nearest
from pbench.records import Generation, Sample

__all__ = ["TaskSamples", "answers_output", "answers_run"]

_SETTINGS = ("model", "sampler", "parameters")
_KEYS = ("sample_id", "task", "index", "output_text", "nfe", "seconds", *_SETTINGS)
_SHOWN = 3


class TaskSamples(Protocol):
    """A task as it was asked: its full name, its samples, and the hash of their content."""

    @property
    def name(self) -> str: ...
    @property
    def content_hash(self) -> str: ...
    @property
    def samples(self) -> Sequence[Sample]: ...


@dataclass(slots=True)
class _Read:
    """What the lines say: tasks in the order of their first line, answers by sample_id, the settings.

    `names` are the tasks under the names that the lines use, `tasks` the same under their own.
    """

    names: dict[str, TaskSamples] = field(default_factory=dict)
    tasks: dict[str, TaskSamples] = field(default_factory=dict)
    samples: dict[str, Sample] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Generation] = field(default_factory=dict)
    settings: dict[str, tuple[Any, str]] = field(default_factory=dict)


def answers_output(path: Path, scores: Path | None = None) -> Path:
    """Where the generations go: beside the scores if their place is given, else beside the answers."""
    folder = path.parent if scores is None else scores.parent
    return folder / f"{path.stem}.parquet"


def answers_run(path: Path, load: Callable[[str], TaskSamples], out: Path) -> Path:
    """Write the generations file `out` of the answers in `path`, and return it.

    `load` gives the samples of a task by its name, in full or short; `parameters.gen_length` stands
    in for their own. Samples of these tasks that no line answers, and lines whose `output_text` is
    null, become rows with an error. The same answers give the same bytes.

    ArtifactError (file:line) for a broken line, a missing, unknown or repeated id, an unknown
    task or key, a value out of range, lines of different runs; UsageError if `out` holds anything
    but such generations.
    """
    _require_own(out)
    read = _Read()
    for where, line in _lines(path):
        _take(read, line, where, load)
    if not read.answers:
        raise ArtifactError(f"{path}: holds no answers")
    given = [sample for task in read.tasks.values() for sample in task.samples]
    rows = [read.answers.get(sample.sample_id) or _unanswered(sample, path) for sample in given]
    length = read.settings.get("parameters", ({}, ""))[0].get("gen_length")
    if type(length) is int and length > 0:
        rows = [replace(row, gen_length=length) for row in rows]
    return write_artifact(out, "generations", rows, _manifest(path, read, rows))


def _require_own(out: Path) -> None:
    if not out.exists():
        return
    try:
        own = kind_of(out) == "generations" and "answers" in read_manifest(out)
    except ArtifactError:
        own = False
    if not own:
        raise UsageError(
            f"{out}: exists and holds no answers from elsewhere; move it, or choose another --out"
        )


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """("FILE:LINE", object) of each line that is not blank."""
    for where, line in numbered_lines(path):
        yield where, _object(line, where)


def _object(line: bytes, where: str) -> dict[str, Any]:
    """An answer's line. Python's own reader takes lone surrogates, which a model may well write."""
    try:
        value = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{where}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ArtifactError(f"{where}: not an object with sample_id and output_text")
    for key in value:
        if key not in _KEYS:
            raise ArtifactError(
                f"{where}: unknown key {key!r}{nearest(key, _KEYS)}; known: {', '.join(_KEYS)}"
            )
    if "output_text" not in value:
        raise ArtifactError(f"{where}: has no output_text")
    return value


def _take(read: _Read, line: Mapping[str, Any], where: str, load: Callable[[str], TaskSamples]) -> None:
    sample = _sample(read, line, where, load)
    first = read.lines.setdefault(sample.sample_id, where)
    if first != where:
        raise ArtifactError(f"{where}: {sample.sample_id} has an answer already, at {first}")
    for name in _SETTINGS:
        _setting(read, name, line.get(name), where)
    read.answers[sample.sample_id] = _generation(sample, line, where)


def _sample(read: _Read, line: Mapping[str, Any], where: str, load: Callable[[str], TaskSamples]) -> Sample:
    """The sample that a line answers, by its sample_id or by task and index."""
    task, index, sample_id = line.get("task"), line.get("index"), line.get("sample_id")
    if isinstance(sample_id, str):
        named, _, number = sample_id.rpartition("/")
        task = named if task is None else task
        index = int(number) if index is None and number.isascii() and number.isdigit() else index
    if not isinstance(task, str) or not task or type(index) is not int:
        raise ArtifactError(
            f"{where}: does not say which sample it answers:"
            " give sample_id (group/task/index), or task and index"
        )
    known = read.names.get(task) or _loaded(read, task, where, load)
    sample = read.samples.get(f"{known.name}/{index}")
    if sample is None or sample_id not in (None, sample.sample_id):
        raise ArtifactError(
            f"{where}: unknown sample {sample_id or f'{task}/{index}'!r}; {known.name} has"
            f" {len(known.samples)}, from {known.samples[0].sample_id}"
        )
    return sample


def _loaded(read: _Read, task: str, where: str, load: Callable[[str], TaskSamples]) -> TaskSamples:
    try:
        loaded = load(task)
    except PbenchError as error:
        raise ArtifactError(f"{where}: {error}") from None
    if loaded.name not in read.tasks:
        read.tasks[loaded.name] = loaded
        read.samples |= {f"{loaded.name}/{sample.index}": sample for sample in loaded.samples}
    read.names[task] = read.tasks[loaded.name]
    return read.names[task]


def _setting(read: _Read, name: str, value: Any, where: str) -> None:
    """Take in `model`, `sampler` or `parameters`; they are those of the one run that this file is."""
    if value is None:
        return
    wanted = dict if name == "parameters" else str
    if not isinstance(value, wanted) or (not value and name != "parameters"):
        raise ArtifactError(f"{where}: {name} is no {'object' if wanted is dict else 'text'}")
    try:
        canonical_json(value)
    except (ValueError, TypeError) as error:
        raise ArtifactError(f"{where}: {name}: {error}") from None
    before, there = read.settings.setdefault(name, (value, where))
    if before != value:
        raise ArtifactError(f"{where}: {name} is {value!r}, at {there} it is {before!r}; one file is one run")


def _generation(sample: Sample, line: Mapping[str, Any], where: str) -> Generation:
    text = line["output_text"]
    if text is not None and not isinstance(text, str):
        raise ArtifactError(f"{where}: output_text is no text")
    nfe, seconds = line.get("nfe"), line.get("seconds")
    if nfe is not None and (type(nfe) is not int or not 0 < nfe < 2**63):
        raise ArtifactError(f"{where}: nfe {nfe!r} is no positive whole number")
    if seconds is not None and (type(seconds) not in (int, float) or not 0 <= seconds < math.inf):
        raise ArtifactError(f"{where}: seconds {seconds!r} is no number from 0")
    failed = text is None
    return Generation(
        sample=sample,
        status="error" if failed else "ok" if text else "empty",
        error_kind="no_output" if failed else None,
        error="the answers file has null as its output_text" if failed else None,
        output_text=text or "",
        gen_length=sample.gen_length,
        nfe=nfe,
        seconds=None if seconds is None else float(seconds),
    )


def _unanswered(sample: Sample, path: Path) -> Generation:
    return Generation(
        sample=sample,
        status="error",
        error_kind="no_answer",
        error=f"{path.name} has no line for this sample",
        output_text="",
        gen_length=sample.gen_length,
    )


def _manifest(path: Path, read: _Read, rows: Sequence[Generation]) -> dict[str, Any]:
    """What reports need; the same for the same answers, so no times, machines or folders."""
    identity = _identity(path, read)
    data = {task.name: task.content_hash for task in read.tasks.values()}
    return {
        "config_id": config_id({**identity, "data": data}),
        "identity": identity,
        "data": data,
        "tasks": {task.name: _task_entry(task, rows) for task in read.tasks.values()},
        "counts": dict(sorted(Counter(row.status for row in rows).items())),
        "status": "complete",
        "answers": {"path": path.name, "sha256": file_hash(path)},
    }


def _identity(path: Path, read: _Read) -> dict[str, Any]:
    """Two files that do not say whose answers they hold are two models, called as the files are."""
    said = {name: value for name, (value, _) in read.settings.items()}
    options = said.get("parameters", {})
    sampler = {"name": said.get("sampler", "unknown"), "options": options, "given": options}
    return {
        "model": {"name": said.get("model", valid_text(path.stem)), "family": "elsewhere"},
        "sampler": sampler if said.keys() & {"sampler", "parameters"} else None,
        "block_length": None,
        "gen_length": None,
        "labels": {},
    }


def _task_entry(task: TaskSamples, rows: Sequence[Generation]) -> dict[str, Any]:
    mine = [row for row in rows if row.sample.task == task.name]
    first = task.samples[0]
    return {
        "category": first.category,
        "metric": first.metric,
        "headline": first.headline,
        "samples": len(task.samples),
        "selected": len(mine),
        "done": sum(row.status != "error" for row in mine),
    }
