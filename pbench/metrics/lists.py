"""List tasks with one valid answer (list_match) or many (shuffle, random insert, remove, replace).

`score` reads the answer leniently, `score_strict` wants it written exactly as asked.
The rules on item lists are functions of their own: sentences are judged by them too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pbench.metrics.parsing import as_items, parse_list
from pbench.metrics.registry import sample_metric

__all__ = [
    "as_words",
    "inserts",
    "list_match",
    "list_random_insert",
    "list_random_remove",
    "list_random_replace",
    "list_shuffle",
    "removes",
    "replaces",
    "word_count",
]

_VALUES = ("score", "score_strict")


def inserts(answer: Sequence[str], source: Sequence[str], words: Sequence[str]) -> bool:
    """Is `answer` the source once the first occurrence of each word is taken out, in turn?"""
    rest = list(answer)
    for word in words:
        if word not in rest:
            return False
        rest.remove(word)
    return rest == list(source)


def removes(answer: list[str], source: Sequence[str], count: int) -> bool:
    """Is `answer` the source without the first occurrences of exactly `count` different items?"""
    if len(answer) != len(source) - count:
        return False
    rest = list(source)
    for item in set(source).difference(answer):
        rest.remove(item)
    return rest == answer  # as long only if so many were missing


def replaces(answer: Sequence[str], source: Sequence[str], words: Sequence[str]) -> bool:
    """Is `answer` the source with each word put at the place where it first stands in `answer`?"""
    if len(answer) != len(source):
        return False
    wanted = list(source)
    for word in words:
        if word not in answer:
            return False
        wanted[answer.index(word)] = word
    return wanted == list(answer)


def as_words(value: Any) -> list[str]:
    """The `word` of a reference, which is one or a list of several."""
    return [value] if isinstance(value, str) else [str(word) for word in value]


def word_count(reference: dict[str, Any]) -> int:
    """The `n_words` of a reference, 1 where it says nothing."""
    count = reference.get("n_words")
    return 1 if count is None else int(count)


def _judge(prediction: str, most: int, holds: Callable[[list[str]], bool]) -> dict[str, float | None]:
    """`holds` of the list in the prediction; a right one has at most `most` items."""
    lenient, strict = parse_list(prediction, most)
    score = 1.0 if holds(lenient) else 0.0
    if strict is None:
        return {"score": score, "score_strict": 0.0}
    return {"score": score, "score_strict": score if strict == lenient else float(holds(strict))}


@sample_metric("list_match", values=_VALUES)
def list_match(prediction: str, reference: Any) -> dict[str, float | None]:
    """The parsed prediction equals the reference list."""
    items = as_items(reference)
    return _judge(prediction, len(items), items.__eq__)


@sample_metric("list_shuffle", values=_VALUES)
def list_shuffle(prediction: str, reference: Any) -> dict[str, float | None]:
    """The prediction has the items of `input`, each as often, in another order."""
    source = as_items(reference["input"])

    def holds(answer: list[str]) -> bool:
        # The length first: a hostile answer has a million items to sort.
        return len(answer) == len(source) and answer != source and sorted(answer) == sorted(source)

    return _judge(prediction, len(source), holds)


@sample_metric("list_random_insert", values=_VALUES)
def list_random_insert(prediction: str, reference: Any) -> dict[str, float | None]:
    """The prediction is `input` with `word` (or each of several) put in somewhere."""
    source, words = as_items(reference["input"]), as_words(reference["word"])
    return _judge(prediction, len(source) + len(words), lambda answer: inserts(answer, source, words))


@sample_metric("list_random_remove", values=_VALUES)
def list_random_remove(prediction: str, reference: Any) -> dict[str, float | None]:
    """The prediction is `input` without `n_words` (default 1) of its items."""
    source, count = as_items(reference["input"]), word_count(reference)
    return _judge(prediction, len(source), lambda answer: removes(answer, source, count))


@sample_metric("list_random_replace", values=_VALUES)
def list_random_replace(prediction: str, reference: Any) -> dict[str, float | None]:
    """The prediction is `input` with `word` in the place of one item."""
    source, words = as_items(reference["input"]), as_words(reference["word"])
    return _judge(prediction, len(source), lambda answer: replaces(answer, source, words))
