"""`tasks import`: the original benchmark's own samples in our schema, so that results compare.

Answers are kept as they are: the metrics read them. What a model is asked is what the original
asks: for each in-context example a user and an assistant turn, then the question.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pbench.artifacts import file_hash, samples_hash, write_artifact
from pbench.errors import ArtifactError
from pbench.grammar import Finding
from pbench.metrics import MetricTools, score_many
from pbench.records import Message, Sample
from pbench.tasks.foreign import CONFIG, ForeignTask, find_groups, read_config, read_lines
from pbench.tasks.spec import Category, TaskSpec
from pbench.tasks.suites import load_suite, shipped_suites
from pbench.tasks.template import Template

__all__ = ["Imported", "import_data"]

_GEN_LENGTHS: dict[Category, int] = {"waiting_line": 32, "text_writing": 64, "puzzle": 64}
_LARGEST = 2**63


@dataclass(frozen=True, slots=True)
class Imported:
    """The files written, and what of the source was left out, in words."""

    paths: tuple[Path, ...]
    left_out: tuple[str, ...]


class _Task(NamedTuple):
    """What all samples of one task have in common."""

    name: str
    config: ForeignTask
    file: Path
    category: Category
    headline: str
    gen_length: int


def import_data(folder: Path, out: Path) -> Imported:
    """Write `OUT/<group>/<task>.parquet` for each task of the data set in `folder`.

    Everything is read and checked before the first file is written. ArtifactError (file:line) for
    a folder that holds no such data, a broken line, an unknown metric, an answer that its metric
    cannot read; OSError where the disk refuses.
    """
    left_out: list[str] = []
    tasks = [task for group in find_groups(folder) for task in _tasks(group, left_out)]
    if not tasks:
        raise ArtifactError(f"{folder}: its {CONFIG} names tasks, but no file <task>.jsonl lies beside it")
    read = [(task, list(_samples(task))) for task in tasks]
    return Imported(tuple(_write(task, rows, out) for task, rows in read), tuple(left_out))


def _tasks(group: Path, left_out: list[str]) -> Iterator[_Task]:
    suite = group.resolve().name
    ours = {spec.name: spec for spec in load_suite(suite).tasks} if suite in shipped_suites() else {}
    files = {path.stem: path for path in sorted(group.glob("*.jsonl"))}
    for config in read_config(group):
        file = files.pop(config.name, None)
        if file is None:
            left_out.append(f"{group / CONFIG}: task {config.name!r} has no {config.name}.jsonl beside it")
        else:
            name = f"{suite}/{config.name}"
            yield _described(name, config, file, ours.get(name))
    left_out += [f"{path}: {CONFIG} has no such task" for path in files.values()]


def _described(name: str, config: ForeignTask, file: Path, ours: TaskSpec | None) -> _Task:
    """Category and gen_length are those of our task of the same name, else what the metric suggests."""
    category = _category(config) if ours is None else ours.category
    gen_length = _GEN_LENGTHS[category] if ours is None else ours.gen_length
    text = category == "text_writing" and "grammar_score" in config.metric.values
    return _Task(name, config, file, category, "grammar_score" if text else "score", gen_length)


def _category(config: ForeignTask) -> Category:
    if config.metric.needs:
        return "text_writing"
    return "waiting_line" if config.metric.name.startswith("list_") else "puzzle"


def _samples(task: _Task) -> Iterator[Sample]:
    """The samples in the order of the file, each one's answer tried with its metric."""
    template: Template | None = None
    index = -1
    for index, (where, line) in enumerate(read_lines(task.file)):
        fields = _part(line, "input", where)
        if template is None:
            template = _template(task.config, fields)
        yield _sample(task, index, line, _messages(template, fields, where), where)
    if index < 0:
        raise ArtifactError(f"{task.file}:1: holds no samples")


def _template(config: ForeignTask, fields: Mapping[str, Any]) -> Template:
    try:
        return Template.parse(config.prompt, fields.keys() - {"icl_examples"})
    except ValueError as error:
        raise ArtifactError(f"{config.prompt_at}: prompt of {config.name!r}: {error}") from None


def _part(line: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    value = line.get(name)
    if not isinstance(value, dict):
        raise ArtifactError(f"{where}: broken line: {name!r} is {'no object' if name in line else 'missing'}")
    return value


def _sample(
    task: _Task, index: int, line: Mapping[str, Any], messages: tuple[Message, ...], where: str
) -> Sample:
    if "answer" not in line:
        raise ArtifactError(f"{where}: broken line: 'answer' is missing")
    metadata = line.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise ArtifactError(f"{where}: broken line: 'metadata' is no object")
    form = line.get("output_format")
    items = _form_items(form)
    kept = {} if form is None or items is not None else {"output_format": form}
    answer = _storable(line["answer"], where)
    _try_answer(task.config, answer, where)
    return Sample(
        sample_id=f"{task.name}/{index}",
        task=task.name,
        category=task.category,
        index=index,
        messages=messages,
        answer=answer,
        gen_length=task.gen_length,
        metric=task.config.metric.name,
        headline=task.headline,
        output_format=items,
        metadata=_storable({**(metadata or {}), **kept}, where),
    )


def _messages(template: Template, fields: Mapping[str, Any], where: str) -> tuple[Message, ...]:
    examples = fields.get("icl_examples") or []
    if not isinstance(examples, list) or not all(isinstance(example, dict) for example in examples):
        raise ArtifactError(f"{where}: broken line: 'icl_examples' is no list of objects")
    messages: list[Message] = []
    for example in examples:
        asked = _asked(template, _part(example, "input", f"{where}: in-context example"), where)
        messages += [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": _shown(example.get("answer"), where)},
        ]
    return (*messages, {"role": "user", "content": _asked(template, fields, where)})


def _asked(template: Template, fields: Mapping[str, Any], where: str) -> str:
    missing = [name for name in template.fields if name not in fields]
    if missing:
        raise ArtifactError(
            f"{where}: broken line: the prompt needs {missing[0]!r}, 'input' has no such field"
        )
    return template.render({name: str(fields[name]) for name in template.fields})


def _shown(answer: Any, where: str) -> str:
    text = answer.get("example") if isinstance(answer, dict) else answer
    if not isinstance(text, str):
        raise ArtifactError(f"{where}: broken line: an in-context example has no answer to show")
    return text


def _form_items(form: Any) -> tuple[str, ...] | None:
    """The items of `["[MASK]", "[MASK]"]`; None for another form, which no list infilling can use."""
    if isinstance(form, str):
        try:
            form = json.loads(form)
        except (ValueError, RecursionError):
            return None
    if isinstance(form, list) and form and all(isinstance(item, str) and "[MASK]" in item for item in form):
        return tuple(form)
    return None


def _storable(value: Any, where: str) -> Any:
    """`value` as an artifact can hold it: integers beyond 64 bits as digits, which is how they are scored."""
    if isinstance(value, dict):
        return {key: _storable(item, where) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item, where) for item in value]
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        return str(value)
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        raise ArtifactError(f"{where}: broken line: {value} is no JSON number")
    return value


class _Approving:
    """Stands in for a grammar checker where only the reference is tried."""

    name = "none"
    version = "0"

    def check(self, texts: Any) -> list[list[Finding]]:
        return [[] for _ in texts]


def _try_answer(config: ForeignTask, answer: Any, where: str) -> None:
    """Refuse an answer that its metric cannot read, before anything is decoded for it."""
    tools = MetricTools(_Approving(), lambda predictions, _: [1.0] * len(predictions))
    [(_, reasons)] = score_many(config.metric.name, ["x"], [answer], tools)
    if reasons:
        why = next(iter(reasons.values()))
        raise ArtifactError(f"{where}: its answer is none for the metric {config.metric.name}: {why}")


def _write(task: _Task, rows: list[Sample], out: Path) -> Path:
    manifest = {
        "task": task.name,
        "category": task.category,
        "group": task.name.partition("/")[0],
        "metric": task.config.metric.name,
        "headline": task.headline,
        "gen_length": task.gen_length,
        "split": "test",
        "content_hash": samples_hash(rows),
        "spec": {"prompt": task.config.prompt, "icl_example_count": task.config.shots},
        "source": "imported",
        "source_sha256": file_hash(task.file),
    }
    path = out.joinpath(*task.name.split("/"))
    return write_artifact(path.with_name(f"{path.name}.parquet"), "samples", rows, manifest)
