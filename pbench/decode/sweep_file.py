"""The strict YAML form of a sweep: matrices of values, rules that add to them and take away."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import product
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pbench.config import Strict, canonical_json, load_yaml
from pbench.errors import UsageError
from pbench.interfaces import Sampler

__all__ = ["Matrix", "SweepFile", "load_sweep", "measured", "sampler_choices", "sampler_of"]


def _tokens(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{value!r} must be a number of tokens from 1 on")
    return value


def _block(value: Any) -> Any:
    try:
        return value if value == "full" else _tokens(value)
    except ValueError as error:
        raise ValueError(f"{error}, or full") from None


def _lengths(value: Any) -> Any:
    for length in value.values() if isinstance(value, dict) else value:
        if length is not None or isinstance(value, dict):
            _tokens(length)
    return value


Lengths = Annotated[list[int | None] | dict[str, int], BeforeValidator(_lengths)]
BlockLength = Annotated[int | Literal["full"], BeforeValidator(_block)]
Temperature = Annotated[float, Field(ge=0, strict=True)]
Seed = Annotated[int, Field(strict=True, ge=-(2**63), lt=2**63)]
OWN_LENGTHS: list[int | None] = [None]

MOST_COMBINATIONS = 1_000_000  # of one matrix, before exclude
_VARIED = (
    "model", "block_length", "gen_length", "cache", "temperature", "seed", "compat", "infill", "base_url",
)  # fmt: skip


def _known(entry: dict[str, Any] | None) -> dict[str, Any] | None:
    """A sampler's entry whose every combination makes a sampler."""
    if entry is not None and "name" not in entry:
        raise ValueError("a sampler needs a name")
    choices = sampler_choices(entry)
    if not choices:
        raise ValueError("a list in it is empty, so there would be nothing to run")
    names = entry["name"] if entry else []
    for name in names if isinstance(names, list) else [names]:
        if not isinstance(name, str):
            raise ValueError(f"name: {name!r} is no sampler's name")
    for name, options in choices:
        try:
            sampler_of(name, {key: str(value) for key, value in options.items()})  # as decode reads it
        except UsageError as error:
            raise ValueError(str(error)) from None
    return entry


class Matrix(Strict):
    """Lists whose every combination is a run; a value that is no list stands for a list of one.

    An entry of `sampler` is a name (or names) and a list for each option that varies; null is for
    models that take no sampler. `gen_length` may be a mapping from categories to lengths; null is
    each task's own. `tasks` narrows down the sweep's tasks for this matrix. `base_url` is the server of
    an `openai:` model; what is fixed there when it starts goes into `labels`. `measure_gap` is one value
    for all runs, because it decides no answer: a run is the same with it and without.
    """

    model: list[str]
    sampler: list[Annotated[dict[str, Any] | None, AfterValidator(_known)]]
    tasks: list[str] | None = None
    block_length: list[BlockLength] = Field(["full"])
    gen_length: Lengths = Field(OWN_LENGTHS)
    cache: list[Literal["none", "prefix", "dual"]] = Field(["none"])
    temperature: list[Temperature] = Field([0.0])
    seed: list[Seed] = Field([0])
    compat: list[Literal["parallelbench"] | None] = Field([None])
    infill: list[StrictBool] = Field([False])
    measure_gap: StrictBool = False
    base_url: list[str | None] = Field([None])
    labels: dict[str, str | int | float] = Field({})

    @model_validator(mode="before")
    @classmethod
    def _as_lists(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        single = {key for key, value in values.items() if not isinstance(value, list)}
        single -= {"labels", "measure_gap"}
        if isinstance(values.get("gen_length"), dict):
            single.discard("gen_length")
        lists = {key: [value] if key in single else value for key, value in values.items()}
        _refuse_too_many(lists)
        return lists

    @field_validator("*")
    @classmethod
    def _not_empty(cls, value: Any) -> Any:
        if isinstance(value, list) and not value:
            raise ValueError("there is nothing in it, so there would be nothing to run")
        return value

    @field_validator("labels", mode="before")
    @classmethod
    def _labelled(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not all(
            key and type(word) in (str, int, float) for key, word in value.items()
        ):
            raise ValueError("write names and values, {server: A100}; a value is a word or a number")
        return value

    @field_validator("measure_gap")
    @classmethod
    def _measurable(cls, value: bool, info: ValidationInfo) -> bool:
        """The fields above it that are right are in `info`."""
        if value and None in info.data.get("sampler", []):
            raise ValueError(
                "a text generator (sampler: null) has no steps to measure; give it its own matrix"
            )
        if value and set(info.data.get("cache", [])) - {"none"}:
            raise ValueError("it needs marginals that no cache has changed; leave cache out")
        return value


class SweepFile(Strict):
    """Tasks, what to run on them, and at most how many samples of each."""

    description: str = ""
    tasks: list[str] = Field(min_length=1)
    limit: int | None = Field(None, ge=1, strict=True)
    matrix: list[Matrix] = Field(min_length=1)
    include: list[Matrix] = Field([])
    exclude: list[dict[str, Any]] = Field([])

    @field_validator("matrix", "tasks", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return value if isinstance(value, list) else [value]


def load_sweep(path: Path) -> SweepFile:
    """Read a sweep; ConfigError with file and line for what is wrong in it."""
    return load_yaml(path, SweepFile)


def measured(sweep: SweepFile) -> SweepFile:
    """The sweep with the gap measured in all its runs; UsageError where one of them has none."""

    def asked(matrix: Matrix) -> Matrix:
        try:
            return Matrix.model_validate(matrix.model_dump(exclude_unset=True) | {"measure_gap": True})
        except ValidationError as error:
            raise UsageError(
                f"--measure-gap: {error.errors()[0]['msg'].removeprefix('Value error, ')}"
            ) from None

    parts = {"matrix": [*map(asked, sweep.matrix)], "include": [*map(asked, sweep.include)]}
    return sweep.model_copy(update=parts)


def _refuse_too_many(lists: Mapping[str, Any]) -> None:
    """ValueError for a matrix that nobody can mean, before its combinations are made."""
    samplers = lists.get("sampler")
    lengths = {name: len(lists[name]) for name in _VARIED if isinstance(lists.get(name), list | dict)}
    lengths["sampler"] = sum(map(_choices, samplers)) if isinstance(samplers, list) else 1
    count = prod(lengths.values())
    if count > MOST_COMBINATIONS:
        longest = sorted(lengths, key=lambda name: -lengths[name])[:3]
        named = ", ".join(f"{name} ({lengths[name]:,})" for name in longest if lengths[name] > 1)
        raise ValueError(
            f"{count:,} combinations, of which at most {MOST_COMBINATIONS:,} can be planned; longest: {named}"
        )


def _choices(entry: Any) -> int:
    """How many combinations an entry of `sampler` has."""
    if not isinstance(entry, Mapping):
        return 1
    return prod(len(value) for value in entry.values() if isinstance(value, list))


def sampler_choices(entry: Mapping[str, Any] | None) -> list[tuple[str | None, dict[str, Any]]]:
    """(name, options) of every combination in one entry of `sampler`."""
    if entry is None:
        return [(None, {})]
    lists = {key: value if isinstance(value, list) else [value] for key, value in entry.items()}
    names = lists.pop("name")
    options = [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]
    return [(name, chosen) for name in names for chosen in options]


def sampler_of(name: str | None, options: Mapping[str, Any]) -> Sampler | None:
    """The sampler of a configuration; UsageError for unknown names, options and values."""
    return None if name is None else _made(name, canonical_json(dict(options)))


@cache
def _made(name: str, options: bytes) -> Sampler:
    from pbench.samplers import make_sampler

    return make_sampler(name, orjson.loads(options))
