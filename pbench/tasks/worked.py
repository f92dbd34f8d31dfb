"""Worked examples for chain-of-thought prompts: the way to an answer in a few plain lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pbench.metrics import ANSWER_MARKER

__all__ = ["Steps", "explain"]


class Steps(NamedTuple):
    """What a worked example tells: the operation, its input, result, new word and index."""

    kind: str
    items: Sequence[str]
    result: Sequence[str]
    word: str = ""
    place: int = 0


def explain(steps: Steps, answer: str) -> str:
    """The reasoning, then the line `The answer is: [...]` with `answer`."""
    return f"{_LINES[steps.kind](steps)}\n{ANSWER_MARKER} {answer}"


def _numbered(items: Sequence[str]) -> str:
    return "\n".join(f"{place}: {item}" for place, item in enumerate(items))


def _copy(steps: Steps) -> str:
    return f"The line has {len(steps.items)} people:\n{_numbered(steps.items)}\nI keep this order."


def _reverse(steps: Steps) -> str:
    return f"I start with the last person and go to the first:\n{_numbered(steps.result)}"


def _sort(steps: Steps) -> str:
    return (
        f"I look for the name that comes first in the alphabet, then the next one:\n{_numbered(steps.result)}"
    )


def _insert_index(steps: Steps) -> str:
    before = "at the end" if steps.place == len(steps.items) else f"before {steps.items[steps.place]}"
    return f"The positions are:\n{_numbered(steps.items)}\nPosition {steps.place} is {before}."


def _remove_index(steps: Steps) -> str:
    gone = steps.items[steps.place]
    return (
        f"The positions are:\n{_numbered(steps.items)}\nAt position {steps.place} stands {gone}, who leaves."
    )


def _replace_index(steps: Steps) -> str:
    gone = steps.items[steps.place]
    return (
        f"The positions are:\n{_numbered(steps.items)}\n"
        f"At position {steps.place} stands {gone}, whose place {steps.word} takes."
    )


def _insert_random(steps: Steps) -> str:
    last = len(steps.items)
    return f"Positions 0 to {last} are possible. I choose position {steps.place}:\n{_numbered(steps.result)}"


def _remove_random(steps: Steps) -> str:
    gone = steps.items[steps.place]
    return f"Anyone may leave. I choose {gone}. These people stay:\n{_numbered(steps.result)}"


def _replace_random(steps: Steps) -> str:
    gone = steps.items[steps.place]
    return f"Anyone may be replaced. I choose {gone}. {steps.word} comes instead:\n{_numbered(steps.result)}"


def _shuffle(steps: Steps) -> str:
    return f"I draw one person after another:\n{_numbered(steps.result)}\nThis differs from the given order."


_LINES: dict[str, Callable[[Steps], str]] = {
    "copy": _copy,
    "reverse": _reverse,
    "sort": _sort,
    "insert_index": _insert_index,
    "remove_index": _remove_index,
    "replace_index": _replace_index,
    "insert_random": _insert_random,
    "remove_random": _remove_random,
    "replace_random": _replace_random,
    "shuffle": _shuffle,
}
