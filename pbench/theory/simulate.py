"""What the closed forms say, seen: the real engine and the real samplers decode the exact oracle.

Each cell has random numbers of its own, so that cells are independent of each other, and the same
ones in every run with the same seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pbench.config import content_hash
from pbench.decode import Engine, EngineOptions
from pbench.errors import PbenchError
from pbench.metrics.intervals import wilson
from pbench.models.oracle import OracleDenoiser
from pbench.records import Generation
from pbench.samplers import make_sampler
from pbench.theory.cells import Cell, Checked, enumerated
from pbench.theory.pool import mapped, one_thread
from pbench.theory.samples import right_answers, theory_samples
from pbench.theory.tasks import get_task

__all__ = ["BATCH_SIZE", "Simulated", "decode_cell", "simulate_cell", "simulate_cells"]

BATCH_SIZE = 1024  # about what fits into a core's cache; answers do not depend on it


@dataclass(frozen=True, slots=True)
class Simulated:
    """How many of `samples` answers were right, and the mean number of forward passes of an answer."""

    successes: int
    samples: int
    nfe_mean: float


def simulate_cell(
    task: str,
    n: int,
    sampler: str,
    options: Mapping[str, Any],
    temperature: float,
    samples: int,
    seed: int = 0,
) -> Simulated:
    """Decode `samples` answers of a task of `pbench.theory.tasks` for lists of n items.

    UsageError for a task, an n or options that cannot be.
    """
    key = content_hash([sampler, dict(options), float(temperature)])[:12]
    answers = decode_cell(task, n, sampler, options, temperature, samples, seed, key)
    nfe = sum(answer.nfe or 0 for answer in answers)
    return Simulated(sum(right_answers(answers)), samples, nfe / samples)


def decode_cell(
    task: str,
    n: int,
    sampler: str,
    options: Mapping[str, Any],
    temperature: float,
    samples: int,
    seed: int,
    key: str = "",
) -> list[Generation]:
    """The answers themselves, by index; `key` as in `theory_samples`."""
    questions = theory_samples(task, n, samples, key)
    oracle = OracleDenoiser(items=n + 1, seed=seed)
    chosen = make_sampler(sampler, options)
    engine = Engine(
        oracle,
        chosen,
        get_task(task).positions(n),
        EngineOptions(temperature=float(temperature), seed=seed, batch_size=BATCH_SIZE),
        verifier=oracle if chosen.traits.verifier else None,
    )
    with one_thread():
        answers = sorted(engine.run(questions), key=lambda answer: answer.sample.index)
    failed = [answer.error for answer in answers if answer.status == "error"]
    if failed:
        raise PbenchError(f"a bug: {len(failed)} of {samples} answers of {task} failed: {failed[0]}")
    return answers


def simulate_cells(cells: Sequence[Cell], samples: int, seed: int, workers: int = 1) -> Iterator[Checked]:
    """Simulate each cell, in order, with `workers` processes (1: this one), and enumerate where possible."""
    with mapped(workers) as each:
        yield from each(_check, [(cell, samples, seed) for cell in cells])


def _check(job: tuple[Cell, int, int]) -> Checked:
    cell, samples, seed = job
    done = simulate_cell(cell.task, cell.n, cell.sampler, cell.options, cell.temperature, samples, seed)
    interval = wilson(done.successes, done.samples)
    return Checked(cell, enumerated(cell), interval, done.samples, done.nfe_mean)
