"""One task as its YAML says it: the options that every type has, and the resolved TaskSpec."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from pbench.config import Strict
from pbench.errors import UsageError
from pbench.metrics import get_metric
from pbench.tasks.stream import Stream
from pbench.tasks.template import Template

__all__ = ["NAME", "BucketOptions", "Category", "Question", "TaskOptions", "TaskSpec", "Turn"]

Category = Literal["waiting_line", "text_writing", "puzzle"]

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
DEFAULT_SAMPLES = 100

Length = Annotated[int, Field(ge=1, le=1000)]


@dataclass(slots=True)
class Question:
    """What a generator draws: values for the prompt's fields, the reference, and a right answer.

    `target` is the text of one right answer (None where the source has none); `items` the number
    of list items in an answer, for tasks with an output format.
    """

    fields: dict[str, str]
    answer: Any
    target: str | None
    metadata: dict[str, Any] = field(default_factory=dict)
    items: int = 0


class Turn(NamedTuple):
    """What a question is drawn from: words or texts, random numbers, its length (0 without), its turn."""

    pool: Sequence[Any]
    stream: Stream
    length: int
    number: int


class TaskOptions(Strict):
    """Options of every task type; `draw` is what makes the type."""

    category: Category
    prompt: str = Field(min_length=1, max_length=20_000)
    gen_length: int = Field(ge=1, le=65_536)
    metric: str | None = None
    headline: Literal["score", "grammar_score"] = "score"
    num_samples: int | None = Field(default=None, ge=1, le=10_000_000)
    icl_example_count: int = Field(default=0, ge=0, le=16)
    seed: int = Field(default=0, ge=0, lt=2**63)

    takes: ClassVar[frozenset[str]] = frozenset()
    must_show: ClassVar[frozenset[str]] = frozenset()
    local: ClassVar[bool] = True  # the pool can be read without network
    finite: ClassVar[bool] = False  # questions are the entries of the pool, taken by their number
    invents: ClassVar[bool] = False  # training samples are not bound to the pool: see draw_training

    @abstractmethod
    def draw(self, turn: Turn) -> Question:
        """One question."""

    def draw_training(self, turn: Turn) -> Question:
        """One question of a training split; the same as `draw` unless the type `invents`."""
        return self.draw(turn)

    def room(self, pool: Sequence[Any], length: int) -> int | None:  # noqa: ARG002 - types override it
        """How many different questions of a length there are; None where nobody has counted them."""
        return None

    @property
    @abstractmethod
    def default_metric(self) -> str:
        """The metric of the type, taken where the YAML names none."""

    @property
    def origin(self) -> str:
        """Where the content comes from, as the manifest says it."""
        return "generated"

    @property
    def prompt_fields(self) -> frozenset[str]:
        """Fields of `takes` that have a value with these options."""
        return self.takes

    @property
    def needed_fields(self) -> frozenset[str]:
        """Fields without which the question cannot be answered."""
        return self.must_show

    @property
    def buckets(self) -> tuple[int, ...]:
        """Lengths between which the samples are balanced; (0,) for a task without lengths."""
        return (0,)

    @property
    def samples(self) -> int:
        """Number of samples of the test split."""
        return self.num_samples or DEFAULT_SAMPLES

    def pool(self, folder: Path) -> tuple[Any, ...]:  # noqa: ARG002 - families that read files use it
        """What the questions are made of (words, texts); paths are relative to `folder`."""
        return ()

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, name: str | None) -> str | None:
        try:
            return None if name is None else get_metric(name).name
        except UsageError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _check_headline(self) -> TaskOptions:
        metric = self.metric or self.default_metric
        if self.headline not in get_metric(metric).values:
            raise ValueError(f"headline: the metric {metric!r} has no {self.headline!r}")
        return self

    @field_validator("prompt")
    @classmethod
    def _only_fields(cls, prompt: str) -> str:
        Template.parse(prompt, cls.takes)
        return prompt

    @model_validator(mode="after")
    def _check_prompt(self) -> TaskOptions:
        fields = set(Template.parse(self.prompt, self.takes).fields)
        for name in sorted(fields - self.prompt_fields):
            raise ValueError(f"prompt: {{{name}}} has no value with these options")
        for name in sorted(self.needed_fields - fields):
            raise ValueError(f"prompt: it does not show {{{name}}}; without it nobody can answer")
        return self


class BucketOptions(TaskOptions):
    """Options of types whose questions have a length: `lengths`, or `min_length` and `max_length`."""

    lengths: tuple[Length, ...] | None = Field(default=None, min_length=1, max_length=1000)
    min_length: Length | None = None
    max_length: Length | None = None
    samples_per_length: int | None = Field(default=None, ge=1)

    least: ClassVar[int] = 1

    @property
    def buckets(self) -> tuple[int, ...]:
        if self.lengths is not None:
            return self.lengths
        return tuple(range(self.min_length or 0, (self.max_length or 0) + 1))

    @property
    def samples(self) -> int:
        if self.samples_per_length is not None:
            return self.samples_per_length * len(self.buckets)
        return self.num_samples or DEFAULT_SAMPLES

    @model_validator(mode="after")
    def _check_lengths(self) -> BucketOptions:
        span = (self.min_length, self.max_length)
        if (self.lengths is None) == (span == (None, None)):
            raise ValueError("give either lengths, or min_length and max_length")
        if self.lengths is None and None in span:
            raise ValueError("min_length and max_length go together")
        if self.num_samples is not None and self.samples_per_length is not None:
            raise ValueError("give either num_samples or samples_per_length")
        found = self.buckets
        if not found or list(found) != sorted(set(found)):
            raise ValueError("lengths must rise")
        if found[0] < self.least:
            raise ValueError(f"the least length of this type is {self.least}")
        return self


@dataclass(frozen=True)
class TaskSpec:
    """A task ready to generate: its full name `group/task`, its options, where its suite lies."""

    name: str
    options: TaskOptions
    folder: Path

    @property
    def group(self) -> str:
        return self.name.partition("/")[0]

    @property
    def category(self) -> Category:
        return self.options.category

    @property
    def metric(self) -> str:
        return self.options.metric or self.options.default_metric

    @property
    def headline(self) -> str:
        return self.options.headline

    @property
    def gen_length(self) -> int:
        return self.options.gen_length

    @property
    def prompt(self) -> str:
        return self.options.prompt

    @property
    def seed(self) -> int:
        return self.options.seed

    @property
    def shots(self) -> int:
        return self.options.icl_example_count

    @property
    def samples(self) -> int:
        """Number of samples of the test split."""
        return self.options.samples

    @cached_property
    def template(self) -> Template:
        return Template.parse(self.prompt, self.options.takes)

    @cached_property
    def pool(self) -> tuple[Any, ...]:
        """Words or texts that the questions are made of; read on first use."""
        return self.options.pool(self.folder)

    def resolved(self) -> dict[str, Any]:
        """The options in full, as the manifest keeps them."""
        options = self.options.model_dump(mode="json", exclude_none=True) | {"metric": self.metric}
        return dict(sorted(options.items()))
