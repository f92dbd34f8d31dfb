"""Which task types there are: the `type` of a YAML task decides which options it takes."""

from __future__ import annotations

from typing import Annotated, Union, get_args

from pydantic import Field

from pbench.tasks import grids, language, lists, sequences
from pbench.tasks.spec import TaskOptions

__all__ = ["TYPES", "AnyTask"]

_FAMILIES: tuple[type[TaskOptions], ...] = (
    lists.Reorder,
    lists.Shuffle,
    lists.Insert,
    lists.Remove,
    lists.Replace,
    lists.Repeat,
    grids.LatinSquare,
    grids.Sudoku,
    language.Paraphrase,
    language.Summarize,
    language.WordsToSentence,
    sequences.Cumsum,
    sequences.Domino,
    sequences.MathOp,
)


def _names(family: type[TaskOptions]) -> tuple[str, ...]:
    return get_args(family.model_fields["type"].annotation)


TYPES: dict[str, type[TaskOptions]] = {name: family for family in _FAMILIES for name in _names(family)}

AnyTask = Annotated[Union[_FAMILIES], Field(discriminator="type")]  # type: ignore[valid-type]
