"""Sequences of numbers: one-line arithmetic, running sums, dominoes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pbench.tasks.lists import format_list
from pbench.tasks.spec import BucketOptions, Question, Turn
from pbench.tasks.stream import Stream

__all__ = ["Cumsum", "Domino", "MathOp"]

Operator = Literal["+", "-", "*"]

_LARGEST_ADDEND = 20


class MathOp(BucketOptions):
    """math_op: a line of arithmetic whose positive result has as many digits as its length says.

    `num_ops` counts operators (one more operand than that); the usual precedence holds.
    """

    type: Literal["math_op"]
    ops: tuple[Operator, ...] = Field(default=("+", "-"), min_length=1)
    num_ops: tuple[Annotated[int, Field(ge=1, le=3)], ...] = Field(default=(1, 2, 3), min_length=1)

    takes: ClassVar[frozenset[str]] = frozenset({"equation", "length"})
    must_show: ClassVar[frozenset[str]] = frozenset({"equation"})
    least: ClassVar[int] = 2

    @property
    def default_metric(self) -> str:
        return "math_op"

    def draw(self, turn: Turn) -> Question:
        operators = [turn.stream.choice(self.ops) for _ in range(turn.stream.choice(self.num_ops))]
        while True:
            terms = _terms(turn.stream, operators, turn.length)
            value = _value(terms)
            if value > 0 and len(str(value)) == turn.length:
                break
        equation = "".join(f" {sign} " + " * ".join(map(str, factors)) for sign, factors in terms)
        equation = equation.removeprefix(" + ")
        fields = {"equation": equation, "length": str(turn.length)}
        metadata = {"length": turn.length, "num_ops": len(operators)}
        return Question(fields, str(value), str(value), metadata)


Terms = list[tuple[str, list[int]]]


def _terms(stream: Stream, operators: Sequence[str], digits: int) -> Terms:
    """Signed products whose sum may have that many digits; the first one is about as long as it."""
    counts: list[tuple[str, int]] = [("+", 1)]
    for operator in operators:
        if operator == "*":
            counts[-1] = (counts[-1][0], counts[-1][1] + 1)
        else:
            counts.append((operator, 1))
    budgets = [digits, *(1 + stream.below(digits) for _ in counts[1:])]
    return [
        (sign, _factors(stream, count, budget)) for (sign, count), budget in zip(counts, budgets, strict=True)
    ]


def _factors(stream: Stream, count: int, digits: int) -> list[int]:
    """Numbers whose digits together are `digits` (or one each, if there are more numbers)."""
    cuts = sorted(stream.sample(range(1, digits), count - 1)) if count <= digits else range(1, count)
    ends = [0, *cuts, max(digits, count)]
    return [_number(stream, end - start) for start, end in pairwise(ends)]


def _number(stream: Stream, digits: int) -> int:
    value = 1 + stream.below(9)
    for _ in range(digits - 1):
        value = 10 * value + stream.below(10)
    return value


def _value(terms: Terms) -> int:
    total = 0
    for sign, factors in terms:
        product = 1
        for factor in factors:
            product *= factor
        total += product if sign == "+" else -product
    return total


class Cumsum(BucketOptions):
    """cumsum: the running sums of a list of numbers, written as a list like the input."""

    type: Literal["cumsum"]

    takes: ClassVar[frozenset[str]] = frozenset({"context", "length"})
    must_show: ClassVar[frozenset[str]] = frozenset({"context"})

    @property
    def default_metric(self) -> str:
        return "list_match"

    def room(self, pool: Sequence[Any], length: int) -> int:  # noqa: ARG002
        return _LARGEST_ADDEND**length

    def draw(self, turn: Turn) -> Question:
        numbers = [1 + turn.stream.below(_LARGEST_ADDEND) for _ in range(turn.length)]
        answer = format_list([str(total) for total in accumulate(numbers)])
        fields = {"context": format_list([str(value) for value in numbers]), "length": str(turn.length)}
        return Question(fields, answer, answer, {"length": turn.length})


class Domino(BucketOptions):
    """domino: two-digit numbers without zeros, each beginning with the digit the last one ended in."""

    type: Literal["domino"]

    takes: ClassVar[frozenset[str]] = frozenset({"length", "start"})
    must_show: ClassVar[frozenset[str]] = frozenset({"length", "start"})

    @property
    def default_metric(self) -> str:
        return "domino"

    def room(self, pool: Sequence[Any], length: int) -> int:  # noqa: ARG002
        return 9 * 9  # first numbers

    def draw(self, turn: Turn) -> Question:
        digits = [1 + turn.stream.below(9) for _ in range(turn.length + 1)]
        chain = [10 * first + second for first, second in pairwise(digits)]
        text = format_list([str(value) for value in chain])
        fields = {"length": str(turn.length), "start": str(chain[0])}
        answer = {"length": turn.length, "start": chain[0], "example": text}
        return Question(fields, answer, text, {"length": turn.length, "start": chain[0]})
