"""The theory's tasks as samples that the engine decodes, and the judgement of their answers.

Items are words of their own, one token each to the oracle; the answer region holds the answer and
nothing behind it. Samples of one task differ in their index alone, that is in what is drawn for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pbench.metrics import MetricTools, score_many
from pbench.records import Generation, Sample
from pbench.theory.tasks import get_task

__all__ = ["right_answers", "theory_samples"]

_WORD = "new"
_SYMBOLS = "ABCD"
Reference = Callable[[list[str], int], tuple[str, Any]]


def theory_samples(task: str, n: int, count: int, key: str = "") -> list[Sample]:
    """`count` samples of a task of `pbench.theory.tasks` for lists of n items.

    `key` tells apart what is drawn for them: samples of another key share no random number with
    these. UsageError for a task or an n that there is not.
    """
    found = get_task(task)
    found.check_n(n)
    metric, answer = _reference(found.name, n)
    name = f"theory/{found.name}_n{n}{f'/{key}' if key else ''}"
    return [
        Sample(
            sample_id=f"{name}/{index}",
            task=name,
            category="theory",
            index=index,
            messages=(),
            answer=answer,
            gen_length=found.positions(n),
            metric=metric,
            headline="score",
            metadata={"any_order": True} if found.name == "shuffle" else {},
        )
        for index in range(count)
    ]


def right_answers(generations: Sequence[Generation]) -> list[bool]:
    """Which answers are right by their own metric.

    In the theory's shuffle the input itself is one of the orders; the metric has it otherwise.
    """
    right: list[bool] = []
    for generation in generations:
        sample = generation.sample
        if sample.metadata.get("any_order"):
            right.append(sorted(_words(generation.output_text)) == sample.answer["input"])
            continue
        [(values, _)] = score_many(sample.metric, [generation.output_text], [sample.answer], MetricTools())
        right.append(values["score"] == 1.0)
    return right


def _reference(task: str, n: int) -> tuple[str, Any]:
    """(metric, reference); a place that the question gives is the middle one."""
    items = [f"w{number:03d}" for number in range(n)]
    middle = n // 2
    whole: dict[str, tuple[str, Any]] = {
        "copy": ("list_match", items),
        "reverse": ("list_match", items[::-1]),
        "sort": ("list_match", items),
        "insert_index": ("list_match", [*items[:middle], _WORD, *items[middle:]]),
        "remove_index": ("list_match", items[:middle] + items[middle + 1 :]),
        "replace_index": ("list_match", [*items[:middle], _WORD, *items[middle + 1 :]]),
        "insert_random": ("list_random_insert", {"input": items, "word": _WORD}),
        "remove_random": ("list_random_remove", {"input": items}),
        "replace_random": ("list_random_replace", {"input": items, "word": _WORD}),
        "shuffle": ("list_shuffle", {"input": items}),
        "shuffle_other": ("list_shuffle", {"input": items}),
        "latin_square_n3": ("latin_square", {"symbols": list(_SYMBOLS[:3]), "size": 3}),
        "latin_square_n4": ("latin_square", {"symbols": list(_SYMBOLS), "size": 4}),
    }
    return whole[task]


def _words(text: str) -> list[str]:
    return text.removeprefix('["').removesuffix('"]').split('", "')
