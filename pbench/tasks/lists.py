"""The list operations: copy, reverse, sort, insert, remove, replace, shuffle, repeat.

A list is written `["Ann Lee", "Tom Fox"]`. Items of one list are all different, and a word to
insert or to put in is never one of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from pbench.metrics import ANSWER_MARKER
from pbench.tasks import worked
from pbench.tasks.spec import BucketOptions, Question, Turn
from pbench.tasks.words import read_words

__all__ = ["Insert", "ListOptions", "Remove", "Reorder", "Repeat", "Replace", "Shuffle", "format_list"]

Items = list[str]


def format_list(items: Sequence[str]) -> str:
    """`["A", "B"]`; `[]` for no items."""
    return '["' + '", "'.join(items) + '"]' if items else "[]"


class ListOptions(BucketOptions):
    """Options of all list tasks.

    `output_format` is the form of one item of the answer with `[MASK]` where a model writes;
    `mask_tokens` fixes how many tokens each `[MASK]` stands for (else as many as the answer has).
    With `worked_examples` the in-context examples reason step by step.
    """

    words: str | tuple[Annotated[str, Field(min_length=1)], ...]
    output_format: str | None = Field(default=None, pattern=r"\[MASK\]")
    mask_tokens: int | None = Field(default=None, ge=1, le=64)
    worked_examples: bool = False

    takes: ClassVar[frozenset[str]] = frozenset({"context", "length"})
    must_show: ClassVar[frozenset[str]] = frozenset({"context"})
    extra_words: ClassVar[int] = 0
    explained: ClassVar[bool] = True

    @model_validator(mode="after")
    def _check_format(self) -> ListOptions:
        if self.mask_tokens is not None and self.output_format is None:
            raise ValueError("mask_tokens needs output_format")
        if self.worked_examples and not self.explained:
            raise ValueError("this type has no worked examples")
        return self

    @property
    def default_metric(self) -> str:
        return "list_match"

    @property
    def origin(self) -> str:
        return self.words if isinstance(self.words, str) else "list"

    def pool(self, folder: Path) -> tuple[str, ...]:
        return read_words(self.words, folder, self.buckets[-1] + self.extra_words)

    def room(self, pool: Sequence[str], length: int) -> int:
        return math.perm(len(pool), length + self.extra_words) * self._ways(length)

    def _ways(self, length: int) -> int:  # noqa: ARG002 - types override it
        """Questions that differ in more than the items and words that they show."""
        return 1

    def _asked(self, items: Items, result: Items, answer: Any, steps: worked.Steps, **given: Any) -> Question:
        text = format_list(result)
        metadata = {"length": len(items), **given}
        fields = {"context": format_list(items), **{name: str(value) for name, value in metadata.items()}}
        if self.mask_tokens is not None:
            metadata["mask_tokens"] = self.mask_tokens
        if self.worked_examples:
            text = worked.explain(steps, text)
            metadata |= {"answer_marker": ANSWER_MARKER, "worked": text}
        return Question(fields, answer, text, metadata, len(result))


class Reorder(ListOptions):
    """copy, reverse, sort: the one list that follows from the input.

    sort compares whole items by code point: of two names the first name counts first.
    """

    type: Literal["copy", "reverse", "sort"]

    def draw(self, turn: Turn) -> Question:
        items = turn.stream.sample(turn.pool, turn.length)
        if self.type == "copy":
            result = items
        else:
            result = items[::-1] if self.type == "reverse" else sorted(items)
        return self._asked(items, result, format_list(result), worked.Steps(self.type, items, result))


class Shuffle(ListOptions):
    """shuffle: any other order of the items."""

    type: Literal["shuffle"]
    least: ClassVar[int] = 2

    @property
    def default_metric(self) -> str:
        return "list_shuffle"

    def draw(self, turn: Turn) -> Question:
        items = turn.stream.sample(turn.pool, turn.length)
        result = items
        while result == items:
            result = turn.stream.shuffled(items)
        answer = {"input": format_list(items), "example": format_list(result)}
        return self._asked(items, result, answer, worked.Steps("shuffle", items, result))


class _AtIndex(ListOptions):
    """insert, remove, replace: at a given index, or (`random_index`) at any."""

    type: Literal["insert", "remove", "replace"]
    random_index: bool = False

    takes: ClassVar[frozenset[str]] = frozenset({"context", "length", "word", "index"})

    @property
    def default_metric(self) -> str:
        return f"list_random_{self.type}" if self.random_index else "list_match"

    def _placed(self, items: Items, result: Items, place: int, **given: str) -> Question:
        kind = f"{self.type}_{'random' if self.random_index else 'index'}"
        steps = worked.Steps(kind, items, result, given.get("word", ""), place)
        if not self.random_index:
            return self._asked(items, result, format_list(result), steps, **given, index=place)
        answer = {"input": format_list(items), **given, "example": format_list(result)}
        return self._asked(items, result, answer, steps, **given)

    def _ways(self, length: int) -> int:
        return 1 if self.random_index else length

    @property
    def prompt_fields(self) -> frozenset[str]:
        return self.takes - {"index"} if self.random_index else self.takes

    @property
    def needed_fields(self) -> frozenset[str]:
        return self.must_show if self.random_index else self.must_show | {"index"}


class Insert(_AtIndex):
    """insert a new word before the item at an index of 0..n (n: at the end)."""

    type: Literal["insert"]
    must_show: ClassVar[frozenset[str]] = frozenset({"context", "word"})
    extra_words: ClassVar[int] = 1

    def _ways(self, length: int) -> int:
        return super()._ways(length + 1)

    def draw(self, turn: Turn) -> Question:
        *items, word = turn.stream.sample(turn.pool, turn.length + 1)
        place = turn.stream.below(turn.length + 1)
        return self._placed(items, [*items[:place], word, *items[place:]], place, word=word)


class Remove(_AtIndex):
    """remove the item at an index."""

    type: Literal["remove"]
    takes: ClassVar[frozenset[str]] = frozenset({"context", "length", "index"})
    least: ClassVar[int] = 2

    def draw(self, turn: Turn) -> Question:
        items = turn.stream.sample(turn.pool, turn.length)
        place = turn.stream.below(turn.length)
        return self._placed(items, items[:place] + items[place + 1 :], place)


class Replace(_AtIndex):
    """put a new word in the place of the item at an index."""

    type: Literal["replace"]
    must_show: ClassVar[frozenset[str]] = frozenset({"context", "word"})
    extra_words: ClassVar[int] = 1

    def draw(self, turn: Turn) -> Question:
        *items, word = turn.stream.sample(turn.pool, turn.length + 1)
        place = turn.stream.below(turn.length)
        return self._placed(items, [*items[:place], word, *items[place + 1 :]], place, word=word)


class Repeat(ListOptions):
    """repeat each item (`each`), or the whole list (`list`), a number of times in a row."""

    type: Literal["repeat"]
    repeat_type: Literal["each", "list"]
    repeat_counts: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field(min_length=1)

    takes: ClassVar[frozenset[str]] = frozenset({"context", "length", "count"})
    must_show: ClassVar[frozenset[str]] = frozenset({"context", "count"})
    explained: ClassVar[bool] = False

    def _ways(self, length: int) -> int:  # noqa: ARG002
        return len(set(self.repeat_counts))

    def draw(self, turn: Turn) -> Question:
        items = turn.stream.sample(turn.pool, turn.length)
        count = turn.stream.choice(self.repeat_counts)
        result = (
            [item for item in items for _ in range(count)] if self.repeat_type == "each" else items * count
        )
        steps = worked.Steps(f"repeat_{self.repeat_type}", items, result)
        return self._asked(items, result, format_list(result), steps, count=count)
