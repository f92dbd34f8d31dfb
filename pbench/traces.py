"""What a trace says: its replay, forward passes, decoding order, AR-ness, tokens a step.

Given positions have no event. A forward pass after which nothing changed leaves no mark, so one at
the very end (a sampler that looks once more before it lets a block go) is not in these numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from pbench.records import Generation, TraceEvent

__all__ = [
    "Frame",
    "Order",
    "TraceSummary",
    "commit_steps",
    "decoding_order",
    "frames",
    "gap_of_steps",
    "given_tokens",
    "global_arness",
    "last_step",
    "local_arness",
    "summarise",
    "tokens_per_step",
]


@dataclass(frozen=True, slots=True)
class Order:
    """Rank correlation of commit step and position: 1 = left to right, -1 = right to left.

    Over `n` positions; None where fewer than two, or all in one step, leave nothing to correlate.
    """

    n: int
    kendall: float | None
    spearman: float | None


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One answer: `padded` counts all generated positions, `content` those before the first EOS or pad."""

    steps: int
    padded: Order
    content: Order
    local_arness: float | None
    global_arness: float | None
    tokens_per_step: dict[int, int]


@dataclass(frozen=True, slots=True)
class Frame:
    """The answer after a step: its tokens (None = masked), and what the step changed.

    `changes` are ordered: first the commits and edits by position, then what was taken back.
    """

    step: int
    tokens: tuple[int | None, ...]
    changes: tuple[TraceEvent, ...] = ()


def given_tokens(generation: Generation) -> tuple[int | None, ...]:
    """The answer before the first step: the token of each position that has no event, else None."""
    changed = {event.position for event in generation.trace or ()}
    ids: Sequence[int | None] = generation.output_ids or (None,) * generation.gen_length
    return tuple(None if place in changed else token for place, token in enumerate(ids))


def frames(generation: Generation) -> Iterator[Frame]:
    """The answer before the first step (step 0) and after each step that changed something."""
    tokens = list(given_tokens(generation))
    yield Frame(0, tuple(tokens))
    for step, group in groupby(_in_order(generation.trace or ()), key=lambda event: event.step):
        changes = tuple(group)
        for event in changes:
            tokens[event.position] = None if event.event == "remask" else event.token_id
        yield Frame(step, tuple(tokens), changes)


def last_step(trace: Iterable[TraceEvent]) -> int:
    """The last step that changed anything: the number of forward passes."""
    return max((event.step for event in trace), default=0)


def commit_steps(trace: Iterable[TraceEvent], gen_length: int) -> tuple[int, ...]:
    """For each answer position the step at which it got its final token; 0 = given, or masked again."""
    steps = [0] * gen_length
    for event in trace:
        steps[event.position] = event.step if event.event != "remask" else 0
    return tuple(steps)


def decoding_order(steps: Sequence[int], positions: int | None = None) -> Order:
    """Kendall's tau-b and Spearman's rho of `steps` (see commit_steps), of the first `positions` if given."""
    from scipy.stats import kendalltau, spearmanr

    found = np.asarray(steps[:positions])
    places = found.nonzero()[0]
    found = found[places]
    if len(np.unique(found)) < 2:
        return Order(len(found), None, None)
    tau, rho = kendalltau(found, places).statistic, spearmanr(found, places).statistic
    return Order(len(found), float(tau), float(rho))


def local_arness(trace: Sequence[TraceEvent]) -> float | None:
    """Share of commits that stand right of the commit before them (DiffuCoder, arXiv 2506.20639).

    The commits of one step count from left to right. None with fewer than two commits.
    """
    places = _commits(trace)
    follows = [after == before + 1 for before, after in pairwise(places)]
    return sum(follows) / len(follows) if follows else None


def global_arness(trace: Sequence[TraceEvent], k: int = 1) -> float | None:
    """Share of commits that fill one of the k leftmost masks (DiffuCoder, arXiv 2506.20639).

    The commits of one step count from left to right. None without commits.
    """
    waiting = sorted({event.position for event in trace if event.event == "commit"})
    hits: list[bool] = []
    for event in _in_order(trace):
        if event.event == "remask":
            waiting = sorted({*waiting, event.position})
        elif event.event == "commit":
            hits.append(event.position in waiting[:k])
            waiting.remove(event.position)
    return sum(hits) / len(hits) if hits else None


def tokens_per_step(trace: Sequence[TraceEvent]) -> dict[int, int]:
    """Commits in a step -> number of such steps, sorted; steps without a commit included."""
    commits = Counter(event.step for event in trace if event.event == "commit")
    sizes = Counter(commits[step] for step in range(1, last_step(trace) + 1))
    return dict(sorted(sizes.items()))


def gap_of_steps(trace: Sequence[TraceEvent], gap: Sequence[float | None]) -> dict[int, float | None]:
    """Dependency gap in bits by step, of `gap` as it stands beside `trace` (see Generation).

    None for a step of which a commit is unknown; steps without a commit are left out.
    """
    found: dict[int, float | None] = {}
    for event, bits in zip(trace, gap, strict=True):
        if event.event == "commit":
            before = found.get(event.step, 0.0)
            found[event.step] = None if bits is None or before is None else before + bits
    return found


def summarise(generation: Generation) -> TraceSummary | None:
    """All of it for one answer; None for one without a trace."""
    trace = generation.trace
    if trace is None:
        return None
    steps = commit_steps(trace, generation.gen_length)
    return TraceSummary(
        steps=last_step(trace),
        padded=decoding_order(steps),
        content=decoding_order(steps, generation.content_length),
        local_arness=local_arness(trace),
        global_arness=global_arness(trace),
        tokens_per_step=tokens_per_step(trace),
    )


def _in_order(trace: Sequence[TraceEvent]) -> list[TraceEvent]:
    """Events by step; in a step first the commits from left to right, then what was taken back."""
    return sorted(trace, key=lambda event: (event.step, event.event == "remask", event.position))


def _commits(trace: Sequence[TraceEvent]) -> list[int]:
    return [event.position for event in _in_order(trace) if event.event == "commit"]
