"""One answer judged: what notebooks and answers made elsewhere need."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson

from pbench.grammar import GrammarChecker, open_checker
from pbench.metrics import MetricTools, get_metric, score_many

__all__ = ["as_reference", "score_answer"]


def score_answer(metric: str, prediction: str, reference: Any) -> dict[str, float | None]:
    """The metric's values for one answer; None where a value has no tool or the reference no sense.

    `reference` is the answer column of a samples file, as its JSON string or as the parsed value.
    Grammar is judged by the checker that `--grammar auto` takes; BERTScore is absent. UsageError
    for an unknown metric.
    """
    checker = _checker() if "grammar" in get_metric(metric).needs else None
    [(values, _)] = score_many(metric, [prediction], [as_reference(reference)], MetricTools(grammar=checker))
    return values


def as_reference(reference: Any) -> Any:
    """The value that a JSON string of the answer column stands for; anything else is itself.

    Only objects and strings are taken out of their JSON: a list or number in a string is what the
    metrics read themselves, and a text that happens to be JSON of another kind stays a text.
    """
    if not isinstance(reference, str):
        return reference
    try:
        value = orjson.loads(reference)
    except orjson.JSONDecodeError:
        return reference
    return value if isinstance(value, dict | str) else reference


@cache
def _checker() -> GrammarChecker:
    return open_checker("auto")
