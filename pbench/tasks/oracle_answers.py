"""The oracle-answers self-test: right answers score 1, answers wrong in a known way what they should.

Every wrong answer is made of a sample's own right answer: two items swapped, one written twice,
one left out, a name that nobody asked for, another index, the other indefinite article.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from pbench.grammar import GrammarChecker
from pbench.metrics import MetricTools, judged_text, parse_lenient, score_many
from pbench.records import Sample
from pbench.tasks.generate import generate, reference_text
from pbench.tasks.lists import format_list
from pbench.tasks.spec import TaskSpec

__all__ = ["COLUMNS", "Row", "SelfTest", "markdown", "oracle_answers"]

COLUMNS = ("reference", "swap", "repeat", "drop", "foreign name", "wrong index", "article error")
FOREIGN = "Zelda Quorn"

_ALL_WRONG = {"swap": 0.0, "repeat": 0.0, "drop": 0.0, "foreign name": 0.0, "wrong index": 0.0}
_ANY_INDEX = _ALL_WRONG | {"wrong index": 1.0}
_NOT_WITHOUT_WORD = {"drop": 0.0, "foreign name": 0.0}
_UNGRAMMATICAL = {"article error": 0.0}
# What each value of each metric should be. A column that is not named here is only measured: a
# checker need not find fault with two words swapped or one repeated.
_EXPECTED: dict[str, dict[str, dict[str, float]]] = {
    "list_match": {"score": _ALL_WRONG},
    "list_shuffle": {"score": _ALL_WRONG | {"swap": 1.0}},
    "list_random_insert": {"score": _ANY_INDEX},
    "list_random_remove": {"score": _ANY_INDEX},
    "list_random_replace": {"score": _ANY_INDEX},
    "latin_square": {"score": _ALL_WRONG | {"repeat": 1.0}, "score_exact": _ALL_WRONG},
    "sudoku": {"score": _ALL_WRONG},
    "domino": {"score": _ALL_WRONG},
    "math_op": {"score": _ALL_WRONG | {"repeat": 1.0}, "score_strict": _ALL_WRONG},
    "words_to_sentence": {"inclusion_score": _NOT_WITHOUT_WORD, "grammar_score": _UNGRAMMATICAL},
    "summary": {"grammar_score": _UNGRAMMATICAL},
    "paraphrase": {"grammar_score": _UNGRAMMATICAL},
}


class Row(NamedTuple):
    """A value of a task's metric: its mean over the samples that a column's answers can be made of.

    `means` has None where there is no such sample.
    """

    task: str
    value: str
    samples: int
    means: dict[str, float | None]


@dataclass
class SelfTest:
    """The rows of the table; `problems` are answers that do not score what they should."""

    rows: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def oracle_answers(specs: Iterable[TaskSpec], checker: GrammarChecker, limit: int) -> SelfTest:
    """Judge right and wrong answers to `limit` samples of each task, spread evenly over it.

    A task whose metric is not one of ours has its right answers judged and no wrong ones.
    """
    result = SelfTest()
    for spec in specs:
        samples = [sample for sample in generate(spec) if reference_text(sample) is not None]
        step = max(1.0, len(samples) / limit)
        chosen = [samples[int(place * step)] for place in range(min(limit, len(samples)))]
        if chosen:
            _judge(spec, chosen, checker, result)
    return result


def _judge(spec: TaskSpec, samples: Sequence[Sample], checker: GrammarChecker, result: SelfTest) -> None:
    answers = [(sample, column, text) for sample in samples for column, text in _answers(sample)]
    outcomes = score_many(
        spec.metric,
        [judged_text(text, sample.metadata) for sample, _, text in answers],
        [sample.answer for sample, _, _ in answers],
        MetricTools(checker),
    )
    for value, expected in _EXPECTED.get(spec.metric, {spec.headline: {}}).items():
        found: dict[str, list[float]] = {column: [] for column in COLUMNS}
        for (sample, column, text), (values, _) in zip(answers, outcomes, strict=True):
            score = values[value]
            wanted = 1.0 if column == "reference" else expected.get(column, score)
            if score is None or score != wanted:
                result.problems.append(
                    f"{sample.sample_id}: {column}: {text!r} has {value} {score}, not {wanted}"
                )
            found[column].append(0.0 if score is None else score)
        means = {column: sum(seen) / len(seen) if seen else None for column, seen in found.items()}
        result.rows.append(Row(spec.name, value, len(samples), means))


def _answers(sample: Sample) -> Iterator[tuple[str, str]]:
    """(column, answer): the right one, and the wrong ones that can be made of it."""
    right = reference_text(sample)
    assert right is not None
    yield "reference", right
    judged = judged_text(right, sample.metadata)
    for kind, wrong in _MAKERS.get(sample.metric, _no_answers)(sample, judged):
        if wrong is not None:
            yield kind, right.removesuffix(judged) + wrong


Wrong = Iterator[tuple[str, str | None]]


def _no_answers(sample: Sample, right: str) -> Wrong:  # noqa: ARG001 - the common signature
    return iter(())


def _swapped(items: Sequence[str], places: Sequence[int] | None = None) -> list[str] | None:
    """The last two neighbours among `places` that differ, exchanged; None if there are none."""
    places = range(len(items)) if places is None else places
    for first, second in reversed(list(pairwise(places))):
        if items[first] != items[second]:
            result = list(items)
            result[first], result[second] = items[second], items[first]
            return result
    return None


def _changed(items: Sequence[str], place: int, *new: str) -> list[str]:
    """The items with the one at `place` replaced by `new` ones (none: left out)."""
    return [*items[:place], *new, *items[place + 1 :]]


def _list_answers(sample: Sample, right: str) -> Wrong:
    items, given = parse_lenient(right), sample.metadata
    source = parse_lenient(sample.messages[-1]["content"])
    word = given.get("word")
    others = [place for place, item in enumerate(items) if item != word]
    swapped = _swapped(items, others)
    if swapped == source:  # a shuffled list must not come back to its input
        swapped = _swapped(items, others[:-1])
    wrong = {
        "swap": swapped,
        "repeat": _changed(items, others[-1], items[others[-1]], items[others[-1]]),
        "drop": _changed(items, others[-1]),
        "foreign name": _changed(items, others[0], FOREIGN),
        "wrong index": _elsewhere(items, source, word),
    }
    for kind, answer in wrong.items():
        yield kind, None if answer is None else format_list(answer)


def _elsewhere(items: list[str], source: list[str], word: str | None) -> list[str] | None:
    """The operation (by what it did to the length) at another index; None if it has no index."""
    if word is not None and word in items:
        place = items.index(word)
        if len(items) > len(source):
            other = (place + 1) % len(items)
            return [*source[:other], word, *source[other:]]
        return _changed(source, (place + 1) % len(source), word)
    if len(items) == len(source) - 1:
        gone = next((place for place, item in enumerate(items) if item != source[place]), len(items))
        return _changed(source, (gone + 1) % len(source))
    return None


def _grid_answers(sample: Sample, right: str) -> Wrong:  # noqa: ARG001 - the common signature
    """Cells of the first row and whole rows, in lines of digits or of cells with commas."""
    mark = "," if "," in right else ""
    rows = right.split("\n")
    cells = rows[0].split(",") if mark else list(rows[0])
    yield "swap", "\n".join([mark.join(_swapped(cells) or cells), *rows[1:]])
    yield "repeat", "\n".join([*rows, rows[-1]])
    yield "drop", "\n".join(rows[:-1])
    yield "foreign name", "\n".join([mark.join(_changed(cells, 0, FOREIGN)), *rows[1:]])


def _domino_answers(sample: Sample, right: str) -> Wrong:  # noqa: ARG001
    items = parse_lenient(right)
    swapped = _swapped(items, range(len(items) - 2, len(items)))
    yield "swap", None if swapped is None else format_list(swapped)
    yield "repeat", format_list([*items, items[-1]])
    yield "drop", format_list(items[:-1])
    yield "foreign name", format_list(_changed(items, -1 % len(items), FOREIGN))


def _number_answers(sample: Sample, right: str) -> Wrong:  # noqa: ARG001
    swapped = _swapped(right)
    yield "swap", None if swapped is None else "".join(swapped)
    yield "repeat", right + right[-1]
    yield "drop", right[:-1]
    yield "foreign name", FOREIGN


def _text_answers(sample: Sample, right: str) -> Wrong:
    """Words of a sentence; of given words the last one is left out or replaced."""
    tokens = right.split(" ")
    inner = range(1, len(tokens) - 1)
    plain = [place for place in inner if tokens[place].isalpha() and tokens[place].islower()]
    given = sample.answer.get("words", ()) if isinstance(sample.answer, dict) else ()
    swapped = _swapped(tokens, plain)
    yield "swap", None if swapped is None else " ".join(swapped)
    yield (
        "repeat",
        " ".join(_changed(tokens, plain[0], tokens[plain[0]], tokens[plain[0]])) if plain else None,
    )
    if given:
        yield "drop", re.sub(rf" ?{re.escape(given[-1])}\w*", "", right)
        yield "foreign name", right.replace(given[-1], FOREIGN)
    yield "article error", _other_article(right)


def _other_article(text: str) -> str | None:
    other = {"a": "an", "an": "a", "A": "An", "An": "A"}
    found = re.search(r"\b[Aa]n?\b(?= )", text)
    return None if found is None else text[: found.start()] + other[found.group()] + text[found.end() :]


_MAKERS: dict[str, Callable[[Sample, str], Wrong]] = {
    **dict.fromkeys(
        ("list_match", "list_shuffle", "list_random_insert", "list_random_remove", "list_random_replace"),
        _list_answers,
    ),
    "latin_square": _grid_answers,
    "sudoku": _grid_answers,
    "domino": _domino_answers,
    "math_op": _number_answers,
    "words_to_sentence": _text_answers,
    "summary": _text_answers,
    "paraphrase": _text_answers,
}


def markdown(result: SelfTest) -> str:
    """The table of docs/metrics.md: means in percent, `-` where no such answer can be made."""
    lines = [
        f"| task | value | n | {' | '.join(COLUMNS)} |",
        f"|{'---|' * (3 + len(COLUMNS))}",
    ]
    for row in result.rows:
        cells = [_percent(row.means[column]) for column in COLUMNS]
        lines.append(f"| {row.task} | {row.value} | {row.samples} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _percent(mean: Any) -> str:
    return "-" if mean is None else f"{100 * mean:.0f}"
