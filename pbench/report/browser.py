"""The sample browser's data: answers of several runs side by side, as compact JSON that fits a page.

Every text stands once. A page cannot hold every answer of a large grid: the samples are taken
evenly over each task, the same ones for all runs, and fewer of them until the data fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from pbench.records import Generation
from pbench.report.answers import Judged
from pbench.report.tokens import TokenTexts
from pbench.traces import gap_of_steps

__all__ = ["Limits", "Run", "browser_data", "even", "visible"]


Pair = tuple[str, str]  # task and sample id


@dataclass(frozen=True, slots=True)
class Limits:
    """Most samples and traces of a task and run (None: as many as fit), and the bytes to fit into."""

    samples: int | None = None
    traces: int | None = None
    sample_bytes: int = 2_000_000
    trace_bytes: int = 3_000_000


@dataclass(frozen=True)
class Run:
    """One run point in the browser; `answers` and `generations` by sample id, `kinds` of failures, too.

    `model`, `sampler`, `setting` and `fixed` (settings that are no defaults) name it; `point` is its
    settings id in the report; `note` says what is missing.
    """

    model: str
    sampler: str
    setting: str
    fixed: str
    colour: str
    answers: Mapping[str, Judged]
    generations: Mapping[str, Generation]
    tokens: TokenTexts
    kinds: Mapping[str, str] = field(default_factory=dict)
    point: str | None = None
    note: str | None = None

    @property
    def name(self) -> str:
        """The run in one line."""
        setting = "" if self.setting == "-" else self.setting
        return " · ".join(part for part in (self.model, self.sampler, setting, self.fixed) if part)


def browser_data(runs: Sequence[Run], limits: Limits) -> dict[str, Any]:
    """`runs`, `samples`, `texts`, `tokens`, `answers` and `traces` for the page, within `limits`.

    `answers[r][s]` is [value, status, nfe, content_length, text, kind] or null; `traces[r]` maps the
    sample's number to its trace; texts are indices into `texts`.
    """
    ids = _ordered(runs)
    shown = _fitting(ids, limits.samples, limits.sample_bytes, lambda few: _size(_answers(runs, few)))
    traces = [_traces(run, shown) for run in runs]
    weight = {name: sum(_size(found.get(name)) for found in traces) for _, name in shown}
    replayed = _fitting(
        shown, limits.traces, limits.trace_bytes, lambda few: sum(weight[name] for _, name in few)
    )
    wanted = {name for _, name in replayed}
    kept = {name: str(number) for number, (_, name) in enumerate(shown) if name in wanted}
    return {
        **_answers(runs, shown),
        **_token_tables(runs, set(kept)),
        "traces": [{kept[name]: one for name, one in found.items() if name in kept} for found in traces],
        "sample_count": len(ids),
        "trace_count": len(kept),
    }


def even(items: Sequence[Any], count: int) -> list[Any]:
    """`count` of `items`, evenly spread, in their order; all of them where there are no more."""
    if count >= len(items):
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


def _ordered(runs: Sequence[Run]) -> list[Pair]:
    """(task, sample id) of everything that any run answered, by task as first seen, then index."""
    tasks: dict[str, dict[str, int]] = {}
    for run in runs:
        for one in run.answers.values():
            tasks.setdefault(one.task, {})[one.sample_id] = one.index
    return [(task, name) for task, found in tasks.items() for name in sorted(found, key=lambda n: found[n])]


def _fitting(
    ids: Sequence[Pair], most: int | None, room: int, weigh: Callable[[Sequence[Pair]], int]
) -> list[Pair]:
    """As many of `ids` a task as are asked for; unasked, halved until they weigh at most `room`."""
    groups: dict[str, list[Pair]] = {}
    for pair in ids:
        groups.setdefault(pair[0], []).append(pair)

    def pick(count: int) -> list[Pair]:
        return [pair for group in groups.values() for pair in even(group, count)]

    if most is not None:
        return pick(most)
    count = max(map(len, groups.values()), default=0)
    while count > 1 and weigh(pick(count)) > room:
        count = math.ceil(count / 2)
    return pick(count)


class _Texts:
    """Texts, each once."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self.numbers.setdefault(visible(text), len(self.numbers))


def visible(text: str) -> str:
    """`text` with control and bidirectional characters as their escapes; line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def _answers(runs: Sequence[Run], shown: Sequence[Pair]) -> dict[str, Any]:
    texts = _Texts()
    kinds = sorted({kind for run in runs for kind in run.kinds.values()})
    return {
        "samples": [_sample(runs, task, name, texts) for task, name in shown],
        "answers": [[_answer(run, name, texts, kinds) for _, name in shown] for run in runs],
        "runs": [_run(run) for run in runs],
        "kinds": kinds,
        "texts": list(texts.numbers),
    }


def _run(run: Run) -> dict[str, Any]:
    named = {name: visible(getattr(run, name)) for name in ("model", "sampler", "setting", "fixed")}
    return {**named, "colour": run.colour, "point": run.point, "note": run.note and visible(run.note)}


def _sample(runs: Sequence[Run], task: str, name: str, texts: _Texts) -> dict[str, Any]:
    """The sample's name and, if some run has its generation, its messages and reference."""
    found = next((run.generations[name] for run in runs if name in run.generations), None)
    if found is None:
        return {"id": visible(name), "task": visible(task), "messages": [], "reference": None}
    sample = found.sample
    return {
        "id": visible(name),
        "task": visible(task),
        "messages": [[m["role"], texts.number(m["content"])] for m in sample.messages],
        "reference": texts.number(_reference(sample.answer)),
    }


def _reference(answer: Any) -> str:
    """What the metric takes, to be read: an object as a line a key, text as it is, the rest as JSON."""
    if isinstance(answer, dict):
        return "\n".join(f"{key}: {_reference(value)}" for key, value in answer.items())
    return answer if isinstance(answer, str) else orjson.dumps(answer).decode()


def _answer(run: Run, name: str, texts: _Texts, kinds: Sequence[str]) -> list[Any] | None:
    one = run.answers.get(name)
    if one is None:
        return None
    kind = run.kinds.get(name)
    text = one.text if one.status != "error" else f"{one.reason or 'error'}"
    value = None if one.value is None else round(one.value, 4)
    number = None if kind is None else kinds.index(kind)
    return [value, one.status, one.nfe, one.content_length, texts.number(text), number]


def _size(data: Any) -> int:
    return len(orjson.dumps(data))


def _traces(run: Run, shown: Sequence[Pair]) -> dict[str, Any]:
    """The traces of a run by sample id."""
    rows = {name: run.generations[name] for _, name in shown if name in run.generations}
    return {name: _trace(row) for name, row in rows.items() if row.trace}


def _token_tables(runs: Sequence[Run], names: Collection[str]) -> dict[str, Any]:
    """Texts of the tokens in the traces of `names`: runs with equal tables share one."""
    numbers: dict[str, int] = {}
    tables: list[TokenTexts] = []
    places: list[int] = []
    used: list[set[int]] = []
    for run in runs:
        key = repr((sorted(run.tokens.texts.items()), sorted(run.tokens.special.items())))
        place = numbers.setdefault(key, len(tables))
        if place == len(tables):
            tables.append(run.tokens)
            used.append(set())
        places.append(place)
        for name in names:
            row = run.generations.get(name)
            if row is not None and row.trace:
                used[place].update(row.output_ids or (), (event.token_id for event in row.trace))
    tokens = [_token_table(table, found) for table, found in zip(tables, used, strict=True)]
    return {"tokens": tokens, "token_table": places}


def _token_table(tokens: TokenTexts, used: set[int]) -> dict[str, Any]:
    return {
        "texts": {
            str(token): visible(tokens.texts[token]) for token in sorted(used) if token in tokens.texts
        },
        "special": {str(token): name for token, name in tokens.special.items()},
    }


def _trace(row: Generation) -> dict[str, Any]:
    """Ids, commit steps and confidences by position; all events, too, where a position changed twice.

    Confidences are in 1/10000, `gap` in bits by step where it was measured.
    """
    events = row.trace or ()
    confidence: list[int | None] = [None] * row.gen_length
    for event in events:
        confidence[event.position] = _scaled(event.confidence)
    steps = row.commit_step or (0,) * row.gen_length
    found: dict[str, Any] = {
        "block": row.block_length,
        "content": row.content_length,
        "ids": row.output_ids,
        "steps": steps,
        "confidence": confidence,
    }
    if row.gap is not None:
        bits = gap_of_steps(events, row.gap)
        found["gap"] = {str(step): None if value is None else round(value, 2) for step, value in bits.items()}
    if len({event.position for event in events}) < len(events) or row.output_ids is None:
        letters = {"commit": "c", "remask": "r", "edit": "e"}
        found["events"] = [
            [event.step, event.position, event.token_id, _scaled(event.confidence), letters[event.event]]
            for event in events
        ]
    return found


def _scaled(confidence: float) -> int | None:
    return round(confidence * 10_000) if math.isfinite(confidence) else None
