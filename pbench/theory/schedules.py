"""The bound of the schedule that a sampler used: from a recorded run to bits and the best accuracy.

Which positions an answer got at which step is a partition; what it costs is L_T, whatever the model
(see `pbench.theory.bounds`). Right answers are listed, written as the model's tokens, so that the
bound is that of tokens, not of items: both halves of a name in one step cost what they cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from pbench.errors import UsageError
from pbench.models.oracle_questions import BLANK, Kind, Question, read_question
from pbench.puzzles import latin_squares, sudoku_grids
from pbench.records import Generation
from pbench.theory.accuracy import schedule_accuracy
from pbench.theory.bounds import partition_bound
from pbench.theory.joint import Joint
from pbench.theory.tasks import get_task

__all__ = ["SampleBound", "Writer", "answers_of", "schedule_bound"]


MOST_ANSWERS = 50_000


@dataclass(frozen=True, slots=True)
class Writer:
    """How a model writes: text -> token ids, and what fills the answer region behind them."""

    encode: Callable[[str], Sequence[int]]
    eos: int
    pad: int


# The task of each kind, and how many more items its input has than its answer.
_TASKS = {
    Kind.REPLACE: ("replace_random", 0),
    Kind.INSERT: ("insert_random", -1),
    Kind.REMOVE: ("remove_random", 1),
    Kind.SHUFFLE: ("shuffle", 0),
    Kind.SHUFFLE_OTHER: ("shuffle_other", 0),
}


@dataclass(frozen=True, slots=True)
class SampleBound:
    """What the schedule of one answer costs.

    Of a model with the exact marginals that unmasks the same positions at the same steps, at the
    run's temperature: `bits` is L_T and `ideal` its accuracy (0..1), whatever it writes on the way.
    `way_bits` and `slips` are of the way that this answer took (see `Joint.along`): a sampler that
    looks at what stands chooses steps which are cheap there. `steps` counts the steps that wrote a
    token which the question leaves open.
    """

    bits: float
    ideal: float
    way_bits: float
    slips: float
    steps: int


def schedule_bound(generation: Generation, writer: Writer | None, temperature: float) -> SampleBound:
    """The bound of the schedule that this answer was written by; UsageError says why there is none.

    `writer` None: an item is a token, and items stand from the first position on (the oracle).
    """
    steps = _commit_steps(generation)
    question = read_question(generation.sample)
    many = _too_many(question)
    if many and writer is None and question.kind in (Kind.SHUFFLE, Kind.SHUFFLE_OTHER):
        return _shuffle_bound(question, steps)
    if many:
        raise UsageError(f"{many} right answers are too many to list")
    if generation.output_ids is None:
        raise UsageError("its tokens were not recorded")
    rows = _token_rows(generation, question, writer)
    columns = np.flatnonzero((rows != rows[0]).any(0)).tolist()  # the others cost nothing in any step
    if not columns:
        return SampleBound(0.0, 1.0, 0.0, 0.0, 0)
    joint, smallest = _joint(rows[:, columns])
    partition = _partition([steps[column] for column in columns])
    written = _written(generation.output_ids, writer)
    tokens = [written[column] - smallest for column in columns]
    return SampleBound(
        joint.bound(partition),
        joint.accuracy(partition, temperature),
        *joint.along(partition, tokens, temperature),
        len(partition),
    )


def answers_of(question: Question) -> Iterator[Sequence[int]]:
    """The right answers of a question as item numbers, each once."""
    if question.kind == Kind.FIXED:
        return iter([question.given])
    if question.kind in (Kind.LATIN, Kind.SUDOKU):
        return _grids(question)
    name, more = _TASKS[question.kind]
    return iter(get_task(name).answers(question.positions + more))


def _grids(question: Question) -> Iterator[Sequence[int]]:
    if question.kind == Kind.LATIN:
        cells = ([cell for row in square for cell in row] for square in latin_squares(len(question.words)))
    else:
        cells = ([cell - 1 for row in grid for cell in row] for grid in sudoku_grids())
    yield from (
        grid
        for grid in cells
        if all(given in (BLANK, cell) for given, cell in zip(question.given, grid, strict=True))
    )


def _commit_steps(generation: Generation) -> tuple[int, ...]:
    """Per answer position the step that wrote it; UsageError where the schedule is no partition."""
    if generation.status == "error":
        raise UsageError("it was not decoded")
    if generation.trace is None or generation.commit_step is None:
        raise UsageError("its trace was not recorded")
    revised = {event.event for event in generation.trace if event.event != "commit"}
    if revised:
        raise UsageError("tokens were taken back or replaced, so its steps are no partition")
    return generation.commit_step


def _too_many(question: Question) -> str:
    """How many right answers there are, if they are too many to list; else empty."""
    if question.kind not in (Kind.SHUFFLE, Kind.SHUFFLE_OTHER):
        return ""
    count = get_task("shuffle").count(question.positions)
    return f"{question.positions}!" if count > MOST_ANSWERS else ""


def _token_rows(generation: Generation, question: Question, writer: Writer | None) -> np.ndarray:
    """All right answers as tokens [A, G]."""
    if writer is None:
        return np.array(list(answers_of(question)), dtype=np.int64)
    length = generation.gen_length
    rows = []
    for items in answers_of(question):
        ids = list(writer.encode(question.write(items)))
        if len(ids) > length:
            raise UsageError(f"a right answer has {len(ids)} tokens, more than gen_length {length}")
        rows.append(ids + [writer.eos] * (length - len(ids)))
    return np.array(rows, dtype=np.int64)


def _written(ids: Sequence[int], writer: Writer | None) -> list[int]:
    """The answer's tokens, in the numbers of `_token_rows`."""
    if writer is not None:
        return [writer.eos if token == writer.pad else token for token in ids]
    from pbench.models.oracle_marginals import FIRST_ITEM

    return [token - FIRST_ITEM for token in ids]


def _joint(rows: np.ndarray) -> tuple[Joint, int]:
    """The distribution of right answers, as numbers from 0, and what was taken off the tokens.

    Names that share a part make two orders of items one text: such a text is more probable.
    """
    different, counts = np.unique(rows, axis=0, return_counts=True)
    smallest = int(different.min())
    return Joint(different - smallest, counts / counts.sum()), smallest


def _partition(steps: Sequence[int]) -> list[list[int]]:
    if 0 in steps:
        raise UsageError("a token that the question leaves open was given")
    order = sorted(range(len(steps)), key=steps.__getitem__)
    return [list(group) for _, group in groupby(order, key=steps.__getitem__)]


def _shuffle_bound(question: Question, steps: Sequence[int]) -> SampleBound:
    """Of a shuffle too long to list; orders other than the given one are 1/n! short of all orders."""
    partition = _partition(steps[: question.positions])
    sizes = [len(step) for step in partition]
    bits = partition_bound(get_task("shuffle"), question.positions, partition)
    ideal = schedule_accuracy("shuffle", sizes, "random", 1)
    return SampleBound(bits, ideal, bits, 1 - ideal, len(partition))  # all ways cost the same
