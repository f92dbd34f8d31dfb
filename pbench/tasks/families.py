"""Which task types there are: the `type` of a YAML task decides which options it takes."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from pbench.tasks.grids import LatinSquare, Sudoku
from pbench.tasks.language import Paraphrase, Summarize, WordsToSentence
from pbench.tasks.lists import Insert, Remove, Reorder, Repeat, Replace, Shuffle
from pbench.tasks.sequences import Cumsum, Domino, MathOp
from pbench.tasks.spec import TaskOptions

__all__ = ["TYPES", "AnyTask"]

AnyTask = Annotated[
    Reorder
    | Shuffle
    | Insert
    | Remove
    | Replace
    | Repeat
    | LatinSquare
    | Sudoku
    | Cumsum
    | Domino
    | MathOp
    | Paraphrase
    | Summarize
    | WordsToSentence,
    Field(discriminator="type"),
]


def _types() -> dict[str, type[TaskOptions]]:
    families: tuple[type[TaskOptions], ...] = get_args(get_args(AnyTask)[0])
    return {name: family for family in families for name in get_args(family.model_fields["type"].annotation)}


TYPES = _types()
