"""What a grammar checker is: texts in, findings out, with a name and a version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pbench.errors import UsageError

__all__ = ["CheckerError", "Finding", "GrammarChecker", "beginning", "characters_read"]


class CheckerError(UsageError):
    """A checker could not judge a text (no answer, time limit); it says nothing of the text."""


class Finding(NamedTuple):
    """One thing that a checker finds wrong: `text` stands at characters start:end of the input."""

    message: str
    rule: str
    start: int
    end: int
    text: str


class GrammarChecker(Protocol):
    """A grammar checker for English; `name` and `version` say whose results these are."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...

    def check(self, texts: Sequence[str]) -> list[list[Finding]]:
        """The findings in each text, empty where nothing is wrong; CheckerError if it cannot judge."""
        ...


def characters_read(checker: GrammarChecker) -> int | None:
    """How many characters of a text a checker reads at most (its `max_characters`); None: all of them."""
    found: int | None = getattr(checker, "max_characters", None)
    return found


def beginning(text: str, most: int) -> tuple[int, str]:
    """(where it begins, the first `most` characters of a text): of a longer one past white space."""
    start = 0 if len(text) <= most else len(text) - len(text.lstrip())
    return start, text[start : start + most]
