"""What the page draws besides scores: task map, failures, order of unmasking, dependency gap.

Only the shapes: the analyses that fill them know how to measure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pbench.report.decoding_order import Heat
    from pbench.report.gaps import GapRow

__all__ = ["FailureKind", "FailureRow", "Findings", "TaskPlace"]


@dataclass(frozen=True, slots=True)
class TaskPlace:
    """A task on the map: smaller `parallelizability` = harder to decode in parallel, larger
    `order_preference` = better left to right; None = unknown, with the reason in `why`.
    """

    task: str
    parallelizability: float | None
    order_preference: float | None
    why: str | None = None

    @property
    def measured(self) -> bool:
        """Whether any of the two is known."""
        return self.parallelizability is not None or self.order_preference is not None


@dataclass(frozen=True, slots=True)
class FailureKind:
    """A way to fail: its id in counts, its name for people, and what it means in one sentence."""

    id: str
    name: str
    about: str


@dataclass(frozen=True, slots=True)
class FailureRow:
    """Of `n` answers to a task at one run point (by settings id), how many failed in which way."""

    point: str
    task: str
    n: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Findings:
    """All of it; empty parts are left out of the page.

    `kinds` are in the order of the bars. `kind_of` names the failure of single answers, by
    (settings id, sample id), for the filters of the sample browser; `notes` say what is not counted.
    """

    task_map: tuple[TaskPlace, ...] = ()
    kinds: tuple[FailureKind, ...] = ()
    failures: tuple[FailureRow, ...] = ()
    kind_of: Mapping[tuple[str, str], str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    heats: tuple[Heat, ...] = ()
    gaps: tuple[GapRow, ...] = ()
