"""The few names for notebooks and other people's loops, lazily exported from `pbench`.

task = pbench.load_task("waiting_line/copy")
answers = [my_model(sample.messages) for sample in task]
print(task.score(answers).mean)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from pbench.errors import UsageError
from pbench.metrics import Outcome, score_many
from pbench.metrics.intervals import Interval, mean_interval
from pbench.metrics.registry import MetricTools, get_metric
from pbench.records import Sample
from pbench.score import score_answer
from pbench.tasks import generate, resolve

__all__ = ["Task", "TaskScore", "load_task", "score_answer"]


@dataclass(frozen=True, slots=True)
class TaskScore:
    """`mean` (0..1), `low`, `high`: headline value with its 95 % interval; `rows`: one per answer."""

    n: int
    mean: float
    low: float
    high: float
    rows: tuple[Outcome, ...]


class Task(Sequence[Sample]):
    """The samples of one task, in order; `task[i].messages` is what to ask."""

    def __init__(self, name: str, samples: Sequence[Sample]):
        self.name = name
        self._samples = tuple(samples)

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._samples)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        return self._samples[index]

    def score(self, answers: Sequence[str]) -> TaskScore:
        """Score one answer a sample, in their order; UsageError if their number differs.

        Grammar is checked with harper, in this process.
        """
        if len(answers) != len(self):
            raise UsageError(f"{self.name}: {len(self)} answers wanted, {len(answers)} given")
        first = self._samples[0]
        outcomes = score_many(
            first.metric, answers, [sample.answer for sample in self], self._tools(first.metric)
        )
        values = [outcome[0][first.headline] for outcome in outcomes]
        interval: Interval = mean_interval([value for value in values if value is not None])
        return TaskScore(len(self), *interval, tuple(outcomes))

    @staticmethod
    def _tools(metric: str) -> MetricTools:
        from pbench.grammar import open_checker

        needs_grammar = "grammar" in get_metric(metric).needs
        return MetricTools(grammar=open_checker("harper") if needs_grammar else None)


def load_task(name: str) -> Task:
    """A shipped task by its name ("waiting_line/copy", "copy"); UsageError if there is no such one."""
    specs = resolve([name])
    if len(specs) != 1:
        raise UsageError(f"{name!r} is {len(specs)} tasks: {', '.join(spec.name for spec in specs)}")
    return Task(specs[0].name, list(generate(specs[0])))
