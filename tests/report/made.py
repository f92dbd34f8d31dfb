"""Artificial score files for the tests of the report, written as `pbench score` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pbench.artifacts import write_artifact
from pbench.config import config_id
from pbench.records import Score

HASH = "0" * 64


@dataclass(frozen=True)
class Answer:
    """One scored sample; `value` None with status `ok` = the metric had no value."""

    value: float | None
    nfe: int | None = 8
    status: str = "ok"
    gen_length: int = 32
    content_length: int | None = 16
    seconds: float | None = 0.5
    score: float | None = None  # of `combined`; the headline's value where None
    further: tuple[tuple[str, float | None], ...] = ()  # what the metric gives besides


@dataclass(frozen=True)
class Run:
    """What the manifest of a made file says; defaults are those of a plain run."""

    model: str = "tiny"
    revision: str = "1"
    sampler: str | None = "confidence"
    options: tuple[tuple[str, Any], ...] = (("k", 4),)
    block_length: Any = "full"
    cache: str = "none"
    temperature: float = 0.0
    compat: str | None = None
    dtype: str = "float32"
    labels: tuple[tuple[str, Any], ...] = ()
    seed: int = 0
    checker: tuple[str, str] | None = None
    bertscore: str | None = None
    metric_version: str = "1"
    status: str = "complete"
    run_status: str = "complete"
    data_hash: str = HASH
    headline: str = "score"
    undone: int = 0

    def with_(self, **changes: Any) -> Run:
        return replace(self, **changes)

    def identity(self) -> dict[str, Any]:
        sampler = None if self.sampler is None else {"name": self.sampler, "options": dict(self.options)}
        return {
            "model": {"name": self.model, "family": "tiny", "revision": self.revision},
            "dtype": self.dtype,
            "sampler": sampler,
            "block_length": self.block_length,
            "gen_length": None,
            "temperature": self.temperature,
            "seed": self.seed,
            "compat": self.compat,
            "cache": self.cache,
            "infill": False,
            "labels": dict(self.labels),
        }


def category_of(task: str) -> str:
    return task.split("/")[0]


def write_scores(path: Path, run: Run, tasks: Mapping[str, Iterable[Answer]]) -> Path:
    """Write a score file of `run` with the answers of each task, index counted from 0."""
    answers = {task: list(found) for task, found in tasks.items()}
    rows = [
        _score(run, task, index, own) for task, found in answers.items() for index, own in enumerate(found)
    ]
    return write_artifact(path, "scores", rows, _manifest(path, run, answers))


def zeros_and_ones(right: int, total: int, **fields: Any) -> list[Answer]:
    """`right` right answers, then wrong ones."""
    return [Answer(1.0 if i < right else 0.0, **fields) for i in range(total)]


def _score(run: Run, task: str, index: int, own: Answer) -> Score:
    values = {run.headline: own.value, "score": own.value if own.score is None else own.score}
    values |= dict(own.further)
    return Score(
        sample_id=f"{task}/{index}",
        task=task,
        category=category_of(task),
        index=index,
        status=own.status,  # type: ignore[arg-type]
        error_kind="nan" if own.status == "error" else None,
        output_text="",
        metric="list_match",
        headline=run.headline,
        metric_version=run.metric_version,
        values={} if own.status == "error" else values,
        nfe=own.nfe,
        gen_length=own.gen_length,
        block_length=own.gen_length,
        content_length=own.content_length,
        seconds=own.seconds,
    )


def _manifest(path: Path, run: Run, answers: Mapping[str, list[Answer]]) -> dict[str, Any]:
    identity = run.identity()
    return {
        "generations": {"path": str(path.with_name(path.name.replace(".scores", ""))), "sha256": HASH},
        "run": {
            "config_id": config_id(identity),
            "identity": identity,
            "data": dict.fromkeys(answers, run.data_hash),
            "tasks": {
                task: {
                    "category": category_of(task),
                    "metric": "list_match",
                    "headline": run.headline,
                    "samples": len(found) + run.undone,
                    "selected": len(found) + run.undone,
                    "done": len(found),
                }
                for task, found in answers.items()
            },
            "counts": {"ok": sum(map(len, answers.values()))},
            "status": run.run_status,
        },
        "metrics": {"list_match": run.metric_version},
        "grammar_checker": run.checker and {"name": run.checker[0], "version": run.checker[1]},
        "bertscore": run.bertscore and {"model": run.bertscore, "version": "1"},
        "answers_scored": sum(map(len, answers.values())),
        "counts": {},
        "status": run.status,
    }
