"""Recorded runs beside what their own schedules allow: accuracy reached / best possible, by task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

from pbench.artifacts import read_manifest, read_rows
from pbench.errors import UsageError
from pbench.metrics import MetricTools, score_many
from pbench.metrics.intervals import Interval, mean_interval
from pbench.records import Generation
from pbench.theory.schedules import SampleBound, Writer, schedule_bound

__all__ = ["RunBounds", "TaskBounds", "run_bounds"]


@dataclass(frozen=True, slots=True)
class TaskBounds:
    """Means over the answers of one task whose schedule has a bound.

    `reached` is the headline value with its 95 % interval; the others are those of `SampleBound`,
    `way_ideal` 1 - the mean of `slips`.
    `unbiased` = 2^-L_T: the most that a model can reach which prefers none of the right answers.
    `left_out`: reason -> answers without a bound.
    """

    task: str
    n: int
    reached: Interval | None = None
    ideal: float | None = None
    unbiased: float | None = None
    bits: float | None = None
    way_bits: float | None = None
    way_ideal: float | None = None
    steps: float | None = None
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Accuracy reached / ideal on the same ways; None where that is 0."""
        if self.reached is None or not self.way_ideal:
            return None
        return self.reached.mean / self.way_ideal

    def payload(self) -> dict[str, Any]:
        reached = self.reached
        return {
            "task": self.task,
            "n": self.n,
            "reached": None if reached is None else reached.mean,
            "ci95": None if reached is None else [reached.low, reached.high],
            "ideal": self.ideal,
            "ratio": self.ratio,
            "unbiased": self.unbiased,
            "bits": self.bits,
            "way_bits": self.way_bits,
            "way_ideal": self.way_ideal,
            "steps": self.steps,
            "left_out": self.left_out,
        }


@dataclass(frozen=True, slots=True)
class RunBounds:
    """One run: its file, what decoded it, and its tasks."""

    path: Path
    model: str
    sampler: str
    temperature: float
    tasks: tuple[TaskBounds, ...]

    def payload(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "model": self.model,
            "sampler": self.sampler,
            "temperature": self.temperature,
            "tasks": [task.payload() for task in self.tasks],
        }


def run_bounds(path: Path, model: str | None = None) -> RunBounds:
    """Read a generations file and bound the schedule of every answer.

    `model`: name or folder of the model whose tokens these are, where the manifest's name is not
    enough. ArtifactError for a file that is no run; UsageError for a model that is not there, and
    for runs with top-p or top-k, whose proposals are not drawn from the marginals.
    """
    manifest = read_manifest(path)
    answers: list[Generation] = list(read_rows(path, "generations"))
    identity = manifest.get("identity", {})
    cut = [name for name in ("top_p", "top_k") if identity.get(name) is not None]
    if cut:
        raise UsageError(f"{path}: decoded with {cut[0]}; the best accuracy is known without it only")
    temperature = float(identity.get("temperature") or 0.0)
    writer = _writer(identity.get("model", {}), model, path)
    tasks = sorted(answers, key=lambda answer: answer.sample.task)
    return RunBounds(
        path,
        identity.get("model", {}).get("name", "?"),
        _sampler(identity.get("sampler") or {}),
        temperature,
        tuple(
            _task_bounds(task, list(group), writer, temperature)
            for task, group in groupby(tasks, key=lambda answer: answer.sample.task)
        ),
    )


def _sampler(sampler: dict[str, Any]) -> str:
    """`threshold gamma=0.9`."""
    given = sampler.get("given", {})
    return " ".join([sampler.get("name", "?"), *(f"{name}={value}" for name, value in given.items())])


def _writer(identity: dict[str, Any], model: str | None, path: Path) -> Writer | None:
    """How the run's model writes a text; None for the oracle, whose tokens are items."""
    if identity.get("family") == "oracle":
        return None
    from pbench.interfaces import TextGenerator
    from pbench.models import find_model, load_model

    try:
        denoiser = load_model(find_model(model or identity.get("name", "?")), "meta")
    except UsageError as error:
        raise UsageError(f"{path}: its tokens are not known; name the model by --model: {error}") from None
    if isinstance(denoiser, TextGenerator):
        raise UsageError(f"{path}: {denoiser.name} takes no sampler, so that its runs have no schedule")
    return Writer(denoiser.encode_text, denoiser.eos_token_id, denoiser.pad_token_id)


def _task_bounds(
    task: str, answers: Sequence[Generation], writer: Writer | None, temperature: float
) -> TaskBounds:
    left_out: Counter[str] = Counter()
    bounded: list[tuple[Generation, SampleBound]] = []
    for answer in answers:
        try:
            bounded.append((answer, schedule_bound(answer, writer, temperature)))
        except UsageError as error:
            left_out[str(error).removeprefix(f"{answer.sample.sample_id}: ")] += 1
    if not bounded:
        return TaskBounds(task, 0, left_out=dict(left_out))
    bounds = [bound for _, bound in bounded]
    return TaskBounds(
        task,
        len(bounded),
        mean_interval(_scores(answer for answer, _ in bounded)),
        fmean(bound.ideal for bound in bounds),
        fmean(2**-bound.bits for bound in bounds),
        fmean(bound.bits for bound in bounds),
        fmean(bound.way_bits for bound in bounds),
        max(0.0, 1 - fmean(bound.slips for bound in bounds)),
        fmean(bound.steps for bound in bounds),
        dict(left_out),
    )


def _scores(answers: Iterable[Generation]) -> list[float]:
    """Headline values; the metrics of tasks with listed answers need no tools."""
    found = []
    for answer in answers:
        sample = answer.sample
        [(values, reasons)] = score_many(sample.metric, [answer.output_text], [sample.answer], MetricTools())
        value = values[sample.headline]
        if value is None:
            raise UsageError(f"{sample.sample_id}: no score: {reasons.get(sample.headline)}")
        found.append(value)
    return found
