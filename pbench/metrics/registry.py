"""The registry of metrics, and the one entry that scores many answers: `score_many`.

A metric judges predictions against references. Per-sample metrics are plain functions
(`@sample_metric`); metrics that stand on a library or a grammar checker work on whole columns
(`@batch_metric`), so that nothing is set up sample by sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pbench.grammar import GrammarChecker
from pbench.metrics.cells import Cell, explain
from pbench.plugins import Registry

__all__ = [
    "METRICS",
    "BertScorer",
    "MetricInfo",
    "MetricTools",
    "Outcome",
    "batch_metric",
    "get_metric",
    "metric_names",
    "sample_info",
    "sample_metric",
    "score_many",
]

# F1 in 0..1 of each prediction against the reference text at the same place.
BertScorer = Callable[[Sequence[str], Sequence[str]], Sequence[float]]
# Values by name (None where there is none) and the reasons for the missing ones.
Outcome = tuple[dict[str, float | None], dict[str, str]]


@dataclass(frozen=True, slots=True)
class MetricTools:
    """What metrics may use beyond the answer; a missing tool makes values None, never 0."""

    grammar: GrammarChecker | None = None
    bertscore: BertScorer | None = None


SampleFunction = Callable[[str, Any], dict[str, float | None]]
BatchFunction = Callable[[Sequence[str], Sequence[Any], MetricTools], dict[str, list[Cell]]]


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """A registered metric: `values` are the names it always gives, `needs` the fields of MetricTools.

    `reads`: of a longer answer than so many characters only the beginning is judged; None: all is.
    """

    name: str
    version: str
    values: tuple[str, ...]
    needs: frozenset[str]
    run: Callable[[Sequence[str], Sequence[Any], MetricTools], list[Outcome]]
    reads: int | None = None


METRICS: Registry[MetricInfo] = Registry(
    "metric",
    "pbench.metrics",
    tuple(f"pbench.metrics.{family}" for family in ("lists", "puzzles", "texts", "sentences", "formats")),
    lambda thing: isinstance(thing, MetricInfo),
)
# Names in the original benchmark's data that are not `<name>_score`.
_FURTHER_ALIASES = {"words_to_sentence": "sentence_to_words_score", "starts_with": "startwith_score"}


def sample_metric(
    name: str, *, values: Sequence[str] = ("score",), version: str = "1"
) -> Callable[[SampleFunction], SampleFunction]:
    """Register a function of one prediction and one reference; what it raises is that row's error."""

    def register(function: SampleFunction) -> SampleFunction:
        _add(sample_info(name, function, values=values, version=version))
        return function

    return register


def sample_info(
    name: str, function: SampleFunction, *, values: Sequence[str] = ("score",), version: str = "1"
) -> MetricInfo:
    """A metric made of a function of one prediction and one reference.

    An entry point of the group `pbench.metrics` names such an object.
    """

    def run(
        predictions: Sequence[str],
        references: Sequence[Any],
        tools: MetricTools,  # noqa: ARG001 - the common signature
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for prediction, reference in zip(predictions, references, strict=True):
            try:
                outcomes.append((function(prediction, reference), {}))
            except Exception as error:
                outcomes.append((dict.fromkeys(values), dict.fromkeys(values, explain(error))))
        return outcomes

    return MetricInfo(name, version, tuple(values), frozenset(), run)


def batch_metric(
    name: str,
    *,
    values: Sequence[str],
    needs: Sequence[str] = (),
    version: str = "1",
    reads: int | None = None,
) -> Callable[[BatchFunction], BatchFunction]:
    """Register a function from whole columns to columns of cells (a cell: value, or reason for none)."""

    def register(function: BatchFunction) -> BatchFunction:
        def run(predictions: Sequence[str], references: Sequence[Any], tools: MetricTools) -> list[Outcome]:
            columns = function(predictions, references, tools)
            return [_outcome(columns, row) for row in range(len(predictions))]

        _add(MetricInfo(name, version, tuple(values), frozenset(needs), run, reads))
        return function

    return register


def _outcome(columns: Mapping[str, list[Cell]], row: int) -> Outcome:
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for name, cells in columns.items():
        cell = cells[row]
        if isinstance(cell, str):
            values[name], reasons[name] = None, cell
        else:
            values[name] = cell
    return values, reasons


def _add(info: MetricInfo) -> None:
    if "score" not in info.values:
        raise ValueError(f"the metric {info.name!r} must give a value named 'score'")
    further = _FURTHER_ALIASES.get(info.name)
    METRICS.add(info.name, f"{info.name}_score", *([further] if further else []))(info)


def metric_names() -> list[str]:
    """The names of all metrics, sorted; those of plug-ins too."""
    return sorted(METRICS.names())


@cache
def get_metric(name: str) -> MetricInfo:
    """The metric of this name or alias (`<name>_score`, ...); UsageError if there is none."""
    return METRICS.get(name)


def score_many(
    metric: str, predictions: Sequence[str], references: Sequence[Any], tools: MetricTools
) -> list[Outcome]:
    """Judge answers: for each one its values and the reasons for those that are None.

    `references` are parsed JSON values as they stand in a samples file. Nothing that a prediction
    says makes this raise; UsageError for an unknown metric, ValueError for unequal lengths.
    """
    if len(predictions) != len(references):
        raise ValueError(f"{len(predictions)} predictions for {len(references)} references")
    return get_metric(metric).run(predictions, references, tools)
