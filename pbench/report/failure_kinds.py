"""How one wrong answer fails: one kind, the first of KINDS that holds, from its text alone.

Lists are read as the metrics read them. What a text does wrong is told from the checker's verdict
and from patterns that need no checker.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pbench.metrics.lists import as_words, word_count
from pbench.metrics.parsing import as_items, parse_lenient
from pbench.report.findings import FailureKind

__all__ = ["KINDS", "LIST_METRICS", "TEXT_METRICS", "ListQuestion", "failure", "list_failure", "text_failure"]

KINDS = (
    FailureKind("unparsable", "unparsable", "There is no list in the answer, or no text at all."),
    FailureKind("identical", "input unchanged", "The answer is the list that was given."),
    FailureKind("count", "wrong count", "The list has too many or too few items."),
    FailureKind("repeated", "repeated item", "An item stands in the list more often than it may."),
    FailureKind("swap", "swapped names", "A first name stands with another one's last name."),
    FailureKind("foreign", "foreign item", "An item was in neither the question nor the right answer."),
    FailureKind("missing", "missing item", "An item that belongs in the list is not there."),
    FailureKind("order", "wrong order", "The right items, in an order that is not right."),
    FailureKind("repeated_word", "repeated word", "A word stands twice in a row."),
    FailureKind("article", "article", "a before a vowel, or an before a consonant."),
    FailureKind("missing_word", "missing word", "A word that the sentence must use is not in it."),
    FailureKind("grammar", "other grammar", "The grammar checker found something else."),
    FailureKind("other", "other", "Wrong in a way that has no name here."),
)
LIST_METRICS = frozenset(
    {"list_match", "list_shuffle", "list_random_insert", "list_random_remove", "list_random_replace"}
)
TEXT_METRICS = frozenset({"grammar", "words_to_sentence", "summary", "paraphrase", "starts_with"})

_TWICE = re.compile(r"\b([^\W\d_]+)\s+\1\b", re.IGNORECASE)
_TWICE_IS_RIGHT = frozenset({"had", "that"})  # "all that that man had had"
_ARTICLE = re.compile(r"\b(an?)\s+([a-z]+)\b", re.IGNORECASE)
_VOWELS = "aeiou"
# Spelling and sound differ in these: a university, a European, a one-way street; an hour, an heir.
_CONSONANT_SOUND = re.compile(
    r"(?:uni(?!n|m)|us(?:e|u|a)|eu|ewe|one(?:s|self)?$|once|ubiq|ut[ei]|u$)", re.IGNORECASE
)
_VOWEL_SOUND = re.compile(r"(?:hour|honest|honou?r|heir|[fhlmnrsx]$)", re.IGNORECASE)


@dataclass(frozen=True)
class ListQuestion:
    """What a list task asks: the list given, the items that must and may stand in the answer, how many."""

    given: tuple[str, ...]
    required: tuple[str, ...]
    allowed: tuple[str, ...]
    count: int

    @classmethod
    def of(cls, metric: str, reference: Any, prompt: str) -> ListQuestion:
        """From the reference of one of LIST_METRICS and the last message, whose last list is the input."""
        if metric == "list_match":
            given, wanted = tuple(parse_lenient(prompt)), tuple(as_items(reference))
            return cls(given, wanted, tuple((Counter(given) | Counter(wanted)).elements()), len(wanted))
        given = tuple(as_items(reference["input"]))
        if metric == "list_shuffle":
            return cls(given, given, given, len(given))
        if metric == "list_random_remove":
            return cls(given, (), given, len(given) - word_count(reference))
        words = tuple(as_words(reference["word"]))
        if metric == "list_random_insert":
            return cls(given, given + words, given + words, len(given) + len(words))
        return cls(given, words, given + words, len(given))


def failure(
    metric: str, text: str, values: Mapping[str, float | None], headline: str, question: ListQuestion | None
) -> str | None:
    """The kind of failure of a decoded answer; None if it is right, or cannot be told.

    A list's kind needs its question; without one it cannot be told.
    """
    if metric in TEXT_METRICS:
        return text_failure(text, values)
    value = values.get(headline)
    if value is None or value >= 1.0:
        return None
    if metric not in LIST_METRICS:
        return "other" if text.strip() else "unparsable"
    return None if question is None else list_failure(text, question)


def list_failure(text: str, question: ListQuestion) -> str:
    """The kind of failure of an answer that is known to be wrong."""
    _, opening, rest = text.rpartition("[")
    items = parse_lenient(text)
    if not opening or "]" not in rest or not items:
        return "unparsable"
    found, allowed = Counter(items), Counter(question.allowed)
    if tuple(items) == question.given:
        return "identical"
    if len(items) != question.count:
        return "count"
    if any(found[item] > allowed[item] for item in found if item in allowed):
        return "repeated"
    foreign = [item for item in items if item not in allowed]
    if foreign:
        return "swap" if any(_is_swap(item, question.allowed) for item in foreign) else "foreign"
    return "missing" if Counter(question.required) - found else "order"


def text_failure(text: str, values: Mapping[str, float | None]) -> str | None:
    """The kind of failure of a text, by the metric's `values`; None if nothing is wrong with it.

    A pattern counts only where the checker found something too, or where there was none.
    """
    if not text.strip():
        return "unparsable"
    if values.get("grammar_score") != 1.0:
        if any(match[1].lower() not in _TWICE_IS_RIGHT for match in _TWICE.finditer(text)):
            return "repeated_word"
        if any(_wrong_article(match[1], match[2]) for match in _ARTICLE.finditer(text)):
            return "article"
    if values.get("inclusion_score") == 0.0:
        return "missing_word"
    if values.get("grammar_score") == 0.0:
        return "grammar"
    return "other" if values.get("startswith_score") == 0.0 else None


def _is_swap(item: str, people: Sequence[str]) -> bool:
    """Whether the names of `item` are those of two different people."""
    first, _, last = item.partition(" ")
    names = [person.partition(" ") for person in people]
    return bool(last) and any(one[0] == first for one in names) and any(one[2] == last for one in names)


def _wrong_article(article: str, word: str) -> bool:
    if word.isupper() and len(word) > 1:
        return False  # letter by letter or as a word: who knows
    vowel = word[0].lower() in _VOWELS
    sounds_like_vowel = bool(_VOWEL_SOUND.match(word)) if not vowel else not _CONSONANT_SOUND.match(word)
    return (article.lower() == "an") != sounds_like_vowel
