"""One cell of a simulation beside its closed form: what to decode, what must come out, what came out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pbench.metrics.intervals import Interval
from pbench.theory.accuracy import Order, schedule_accuracy, threshold_accuracy
from pbench.theory.bounds import left_to_right, sizes_of
from pbench.theory.joint import Joint
from pbench.theory.process import Fixed, process_accuracy
from pbench.theory.tasks import get_task, joint_of

__all__ = ["ENUMERATED_N", "Cell", "Checked", "coverage", "distinct", "enumerated"]

ENUMERATED_N = 8
"""The largest n at which the check also enumerates the joint distribution."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A task at one n under one sampler; `closed` is the accuracy (0..1) that the theory gives."""

    task: str
    n: int
    sampler: str
    options: Mapping[str, Any]
    temperature: int
    closed: float

    @classmethod
    def fixed(cls, task: str, n: int, order: Order, k: int, temperature: int) -> Cell:
        """k a step, in one of the orders."""
        closed = schedule_accuracy(task, sizes_of(n, k), order, temperature)
        return cls(task, n, order, {"k": k}, temperature, closed)

    @classmethod
    def threshold(cls, task: str, n: int, gamma: float, temperature: int) -> Cell:
        """All whose confidence is at least gamma."""
        closed = threshold_accuracy(task, n, gamma, temperature)
        return cls(task, n, "threshold", {"gamma": gamma}, temperature, closed)

    @property
    def setting(self) -> str:
        """`confidence k=2`."""
        return " ".join([self.sampler, *(f"{name}={value:g}" for name, value in self.options.items())])


@dataclass(frozen=True, slots=True)
class Checked:
    """A cell with what independent computations found; `enumerated` None where nobody enumerated."""

    cell: Cell
    enumerated: float | None
    simulated: Interval
    samples: int
    nfe: float

    @property
    def inside(self) -> bool:
        """Whether the closed form lies in the 95 % interval of the simulation."""
        return self.simulated.low - 1e-12 <= self.cell.closed <= self.simulated.high + 1e-12

    def payload(self) -> dict[str, Any]:
        cell = self.cell
        return {
            "task": cell.task,
            "n": cell.n,
            "sampler": cell.sampler,
            "options": dict(cell.options),
            "temperature": cell.temperature,
            "closed": cell.closed,
            "enumerated": self.enumerated,
            "simulated": self.simulated.mean,
            "ci95": [self.simulated.low, self.simulated.high],
            "samples": self.samples,
            "nfe": self.nfe,
            "inside": self.inside,
        }


def distinct(cells: Iterable[Cell]) -> list[Cell]:
    """Each setting once, in the order of the first; k = n is k = 16 for n = 16."""
    return list({(cell.task, cell.n, cell.setting, cell.temperature): cell for cell in cells}.values())


def coverage(checked: Sequence[Checked]) -> tuple[int, int]:
    """(cells whose closed form is in the interval, cells)."""
    return sum(one.inside for one in checked), len(checked)


def enumerated(cell: Cell) -> float | None:
    """The accuracy by listing all answers, for fixed k and n <= ENUMERATED_N; None otherwise.

    Positions are alike, so every partition of the same sizes has the accuracy of the one from left
    to right, if the order does not look at the proposals.
    """
    if cell.n > ENUMERATED_N or "k" not in cell.options:
        return None
    joint = joint_of(get_task(cell.task), cell.n)
    sizes = sizes_of(joint.positions, cell.options["k"])
    if _order_matters(joint, cell):
        return process_accuracy(joint, Fixed(sizes, "confidence"), cell.temperature)
    return joint.accuracy(left_to_right(sizes), cell.temperature)


def _order_matters(joint: Joint, cell: Cell) -> bool:
    """At temperature 1 the confident proposals of few answers differ; a shuffle's are all alike."""
    return cell.sampler == "confidence" and cell.temperature == 1 and len(joint.answers) <= ENUMERATED_N
