"""Operations on the words of a sentence: insert, remove, replace one, replace all occurrences.

Answers are compared word by word as `parsing.sentence_words` reads them.
"""

from __future__ import annotations

from typing import Any

from pbench.metrics.lists import as_words, inserts, removes, replaces, word_count
from pbench.metrics.parsing import sentence_words
from pbench.metrics.registry import sample_metric

__all__ = [
    "replace_all_with_unique_random",
    "sentence_random_insert",
    "sentence_random_remove",
    "sentence_random_replace",
]

_VALUES = ("score", "score_strict")


def _fields(reference: Any) -> dict[str, Any]:
    """The reference as a mapping; a plain string is the `input` sentence."""
    return {"input": reference} if isinstance(reference, str) else reference


def _source(fields: dict[str, Any]) -> list[str]:
    value = fields["input"]
    return sentence_words(value if isinstance(value, str) else " ".join(value))


def _new_words(fields: dict[str, Any]) -> list[str]:
    """The `word` of a reference read as the words of an answer are; empty where none is given."""
    value = fields.get("word")
    return [] if value is None else [word for text in as_words(value) for word in sentence_words(text)]


def _verdict(right: bool) -> dict[str, float | None]:
    return {"score": float(right), "score_strict": float(right)}


@sample_metric("sentence_random_insert", values=_VALUES)
def sentence_random_insert(prediction: str, reference: Any) -> dict[str, float | None]:
    """The sentence has `word` more; without a `word`, any `n_words` (default 1) more."""
    fields = _fields(reference)
    source, words, count = _source(fields), _new_words(fields), word_count(fields)
    answer = sentence_words(prediction, len(source) + max(count, len(words)))
    return _verdict(inserts(answer, source, words) if words else removes(source, answer, count))


@sample_metric("sentence_random_remove", values=_VALUES)
def sentence_random_remove(prediction: str, reference: Any) -> dict[str, float | None]:
    """The sentence lacks exactly `n_words` (default 1) of its words."""
    fields = _fields(reference)
    source = _source(fields)
    return _verdict(removes(sentence_words(prediction, len(source)), source, word_count(fields)))


@sample_metric("sentence_random_replace", values=_VALUES)
def sentence_random_replace(prediction: str, reference: Any) -> dict[str, float | None]:
    """`word` stands for one of the words; without a `word`, exactly `n_words` places differ."""
    fields = _fields(reference)
    source, words = _source(fields), _new_words(fields)
    answer = sentence_words(prediction, len(source))
    if words:
        return _verdict(replaces(answer, source, words))
    if len(answer) != len(source):
        return _verdict(False)
    changed = sum(new != old for new, old in zip(answer, source, strict=True))
    return _verdict(changed == word_count(fields))


@sample_metric("replace_all_with_unique_random", values=("score", "score_loose"))
def replace_all_with_unique_random(prediction: str, reference: Any) -> dict[str, float | None]:
    """Every occurrence of `word` became another word, pairwise different.

    `n_replace` null: no occurrence is left; negative: exactly that many are left; else exactly that
    many were replaced. `score` also wants every other word unchanged, `score_loose` does not.
    """
    source = _source(reference)
    answer = sentence_words(prediction, len(source))
    if len(answer) != len(source):
        return {"score": 0.0, "score_loose": 0.0}
    word = " ".join(_new_words(reference))
    pairs = list(zip(source, answer, strict=True))
    replacements = [new for old, new in pairs if old == word and new != word]
    left = source.count(word) - len(replacements)
    loose = len(set(replacements)) == len(replacements) and _right_number(
        left, len(replacements), reference.get("n_replace")
    )
    kept = all(new == old for old, new in pairs if old != word)
    return {"score": float(loose and kept), "score_loose": float(loose)}


def _right_number(left: int, replaced: int, wanted: int | None) -> bool:
    if wanted is None:
        return left == 0
    return left == -wanted if wanted < 0 else replaced == wanted
