"""The few names for notebooks and other people's loops, lazily exported from `pbench`.

task = pbench.load_task("waiting_line/copy")
answers = [my_model(sample.messages) for sample in task]
print(task.score(answers).mean)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, overload

from pbench.artifacts import read_manifest, read_rows
from pbench.errors import ArtifactError, UsageError
from pbench.grammar import Choice, LanguageToolChecker, open_checker
from pbench.metrics import MetricTools, Outcome, get_metric, judged_text, score_many
from pbench.metrics.intervals import mean_interval
from pbench.records import Sample
from pbench.score import open_bertscore, score_answer
from pbench.tasks import generate, resolve

__all__ = ["AnswerScore", "Task", "TaskScore", "load_task", "score_answer"]


class AnswerScore(NamedTuple):
    """One answer judged: its headline value, all values (None where there is none) and why none."""

    sample_id: str
    score: float | None
    values: dict[str, float | None]
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class TaskScore:
    """Answers to a task judged: `mean` (0..1) of the headline value over the `n` that have one.

    `low` and `high` end its 95 % interval; the three are None if no answer has a value. `values`
    has the mean of each of the metric's values, `checker` says who judged grammar, `rows` are the
    answers one by one.
    """

    task: str
    headline: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    unscored: int
    values: dict[str, float | None]
    checker: str | None
    rows: tuple[AnswerScore, ...] = field(repr=False)


class Task(Sequence[Sample]):
    """The samples of one task, in order; `task[i].messages` is what to ask."""

    def __init__(self, name: str, samples: Iterable[Sample]):
        self.name = name
        self._samples = tuple(samples)

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._samples)

    def __repr__(self) -> str:
        return f"<task {self.name}: {len(self)} samples>"

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Task: ...
    def __getitem__(self, index: int | slice) -> Sample | Task:
        if isinstance(index, slice):
            return Task(self.name, self._samples[index])
        return self._samples[index]

    def score(
        self, answers: Sequence[str], *, grammar: Choice = "harper", bertscore_model: str | None = None
    ) -> TaskScore:
        """Score one answer a sample, in their order, as `pbench score` does.

        UsageError if there are more or fewer answers than samples, one is no text, or a tool
        cannot be had.
        """
        self._require_texts(answers)
        first = self._samples[0]
        needs = get_metric(first.metric).needs
        checker = open_checker(grammar) if "grammar" in needs else None
        bertscore = open_bertscore(bertscore_model) if "bertscore" in needs else None
        texts = [judged_text(text, sample.metadata) for text, sample in zip(answers, self, strict=True)]
        try:
            outcomes = score_many(
                first.metric, texts, [sample.answer for sample in self], MetricTools(checker, bertscore)
            )
        finally:
            if isinstance(checker, LanguageToolChecker):
                checker.close()
        return self._summed_up(outcomes, None if checker is None else f"{checker.name} {checker.version}")

    def _require_texts(self, answers: Sequence[Any]) -> None:
        if len(answers) != len(self) or isinstance(answers, str):
            given = "one text" if isinstance(answers, str) else str(len(answers))
            raise UsageError(f"{self.name}: {len(self)} answers wanted, {given} given")
        if not answers:
            raise UsageError(f"{self.name}: no samples to score")
        for place, answer in enumerate(answers):
            if not isinstance(answer, str):
                raise UsageError(f"{self.name}: answer {place} is no text but {type(answer).__name__}")

    def _summed_up(self, outcomes: Sequence[Outcome], checker: str | None) -> TaskScore:
        headline = self._samples[0].headline
        rows = tuple(
            AnswerScore(sample.sample_id, values.get(headline), values, reasons)
            for sample, (values, reasons) in zip(self, outcomes, strict=True)
        )
        known = [row.score for row in rows if row.score is not None]
        mean, low, high = mean_interval(known) if known else (None, None, None)
        means = {name: _mean(row.values[name] for row in rows) for name in rows[0].values}
        return TaskScore(
            self.name, headline, len(known), mean, low, high, len(rows) - len(known), means, checker, rows
        )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def load_task(name: str | Path) -> Task:
    """A shipped task by its name ("waiting_line/copy", "copy"), or the samples file at a path.

    UsageError for a name that is none or several; ArtifactError for a file that holds no samples.
    """
    path = Path(name)
    if path.suffix in (".parquet", ".jsonl"):
        samples = tuple(read_rows(path, "samples"))
        if not samples:
            raise ArtifactError(f"{path}: holds no samples")
        return Task(str(read_manifest(path)["task"]), samples)
    specs = resolve([str(name)])
    if len(specs) != 1:
        raise UsageError(f"{str(name)!r} is {len(specs)} tasks: {', '.join(spec.name for spec in specs)}")
    return Task(specs[0].name, generate(specs[0]))
