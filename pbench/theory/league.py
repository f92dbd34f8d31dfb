"""A league of samplers: each over its sweep on the exact oracle, so that nothing but the sampler differs.

Tasks with one answer show how fast a sampler is where nothing can go wrong; the open ones, with many
right answers, what its speed costs. All settings decode the same samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from pbench.decode import EngineOptions
from pbench.errors import UsageError
from pbench.metrics.intervals import Interval, wilson
from pbench.report.oracle import best_setting
from pbench.report.pbx import interpolated_speed
from pbench.samplers import SAMPLERS
from pbench.samplers.frequencies import FrequencyTable
from pbench.theory.bounds import MOST_POSITIONS, best_partitions, best_sizes, table_of_sets
from pbench.theory.pool import mapped
from pbench.theory.samples import right_answers
from pbench.theory.simulate import decode_cell
from pbench.theory.tasks import FIXED, get_task

__all__ = [
    "LEAGUE_TASKS",
    "OPEN_TASKS",
    "SWEEPS",
    "League",
    "Outcome",
    "Point",
    "Standing",
    "check_league",
    "league",
]

OPEN_TASKS = ("insert_random", "remove_random", "replace_random", "shuffle")
LEAGUE_TASKS = (*sorted(FIXED), *OPEN_TASKS)
_KEY = "league"

_K = tuple({"k": k} for k in (1, 2, 4, 8))
_GAMMA = tuple({"gamma": gamma} for gamma in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0))
_CAREFUL = tuple({"gamma": gamma} for gamma in (0.7, 0.8, 0.9, 0.95))
SWEEPS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    **dict.fromkeys(("random", "left-to-right", "confidence", "margin", "entropy", "pc", "remdm", "rcr"), _K),
    **dict.fromkeys(("threshold", "local-leap", "hierarchical", "credit", "dynamic", "slowfast"), _GAMMA),
    **dict.fromkeys(("wino", "joint-threshold"), _GAMMA),
    "klass": _CAREFUL,
    "factor": tuple({"factor": factor} for factor in (0.7, 1.0, 1.3, 1.6, 1.9)),
    "frechet": tuple({"delta": delta} for delta in (-0.5, 0.05, 0.25, 0.5, 0.75)),
    "entropy-bounded": tuple({"entropy_bound": bound} for bound in (0.01, 0.1, 0.35, 1.0, 3.0)),
    "dilated": tuple({"skip_threshold": skip} for skip in (0.0, 0.3, 0.6, 0.9)),
    "origin": tuple({"steps": steps} for steps in (8, 4, 2, 1)),
    "apd": tuple({"mixture": mixture} for mixture in (0.0, 0.25, 0.5, 0.75, 1.0)),
}
"""What each sampler is swept over; one that is not named plays with its defaults."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One setting on one task: right or not and forward passes, [samples] each; positions of an answer."""

    right: np.ndarray
    nfe: np.ndarray
    positions: int

    @property
    def speed(self) -> np.ndarray:
        """Tokens per step [samples]."""
        return self.positions / self.nfe


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of a sampler; `bounds` [samples] by task: 2^-L*_T of each answer's own T steps."""

    sampler: str
    options: Mapping[str, Any]
    outcomes: Mapping[str, Outcome]
    bounds: Mapping[str, np.ndarray]

    @property
    def setting(self) -> str:
        """`k=2`."""
        return " ".join(f"{name}={value:g}" for name, value in self.options.items())

    @property
    def accuracy(self) -> Interval:
        """Mean over the open tasks; the interval pools their answers, which is on the wide side."""
        right = np.concatenate([self.outcomes[task].right for task in OPEN_TASKS])
        return wilson(int(right.sum()), len(right))

    @property
    def tokens_per_step(self) -> float:
        """Mean over the open tasks."""
        return float(np.mean([self.outcomes[task].speed.mean() for task in OPEN_TASKS]))

    @property
    def fixed(self) -> tuple[float, float]:
        """Accuracy and tokens per step over the tasks with one answer."""
        found = [self.outcomes[task] for task in self.outcomes if task not in OPEN_TASKS]
        return float(np.mean([one.right.mean() for one in found])), float(
            np.mean([one.speed.mean() for one in found])
        )

    @property
    def bound(self) -> float:
        """Accuracy that a model without preferences can have in as many steps; mean over the open tasks."""
        return float(np.mean([self.bounds[task].mean() for task in OPEN_TASKS]))

    def payload(self) -> dict[str, Any]:
        accuracy, (fixed_accuracy, fixed_speed) = self.accuracy, self.fixed
        return {
            "sampler": self.sampler,
            "options": dict(self.options),
            "accuracy": accuracy.mean,
            "ci95": [accuracy.low, accuracy.high],
            "tokens_per_step": self.tokens_per_step,
            "bound": self.bound,
            "accuracy_over_bound": accuracy.mean / self.bound,
            "one_answer": {"accuracy": fixed_accuracy, "tokens_per_step": fixed_speed},
            "tasks": {task: self._task(task) for task in self.outcomes},
        }

    def _task(self, task: str) -> dict[str, Any]:
        one = self.outcomes[task]
        share = wilson(int(one.right.sum()), len(one.right))
        return {
            "n": len(one.right),
            "accuracy": share.mean,
            "ci95": [share.low, share.high],
            "tokens_per_step": float(one.speed.mean()),
            "nfe": float(one.nfe.mean()),
            "bound": float(self.bounds[task].mean()) if task in self.bounds else 1.0,
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """A sampler with all its points on the open tasks.

    Its per-sample optimum gives each sample the setting with the fewest steps among those that
    answer it right: accuracy `optimum` at `optimum_speed`. `gap` = that speed / the speed of the
    single setting that is as good (on the straight lines between settings); None where none is.
    """

    sampler: str
    points: tuple[Point, ...]
    optimum: float
    optimum_speed: float
    gap: float | None

    def payload(self) -> dict[str, Any]:
        return {
            "sampler": self.sampler,
            "points": [point.payload() for point in self.points],
            "optimum": {"accuracy": self.optimum, "tokens_per_step": self.optimum_speed, "gap": self.gap},
        }


@dataclass(frozen=True, slots=True)
class League:
    """All samplers, and those (or settings) that could not play: name -> reason."""

    n: int
    samples: int
    temperature: float
    seed: int
    standings: tuple[Standing, ...]
    left_out: Mapping[str, str]

    def payload(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "samples": self.samples,
            "temperature": self.temperature,
            "seed": self.seed,
            "standings": [standing.payload() for standing in self.standings],
            "left_out": dict(self.left_out),
        }


@dataclass(frozen=True, slots=True)
class _Job:
    sampler: str
    options: Mapping[str, Any]
    n: int
    samples: int
    temperature: float
    seed: int


def check_league(n: int, samplers: Sequence[str], temperature: float) -> None:
    """UsageError for what no game can be played with, found out before one begins; see `league`."""
    most = MOST_POSITIONS - 1
    if not 3 <= n <= most:
        raise UsageError(f"--n {n}: the league plays with lists of 3 to {most} items")
    for name in samplers:
        SAMPLERS.get(name)
    EngineOptions(temperature=temperature)


def league(
    n: int = 10,
    samples: int = 500,
    temperature: float = 0.0,
    seed: int = 0,
    *,
    samplers: Sequence[str] = (),
    workers: int = 1,
) -> League:
    """Play `samplers` (names; all where none is given) over `SWEEPS` on lists of n items.

    UsageError for unknown samplers, a temperature that cannot be, and an n whose best partitions are not
    computed. Where nobody is named, a plug-in that cannot be loaded is left out.
    """
    check_league(n, samplers, temperature)
    points: dict[str, list[Point]] = {}
    left_out: dict[str, str] = {}
    names = _players(samplers, left_out)
    jobs = [
        _Job(name, options, n, samples, temperature, seed)
        for name in names
        for options in SWEEPS.get(name, ({},))
    ]
    with mapped(workers) as each:
        for job, found in zip(jobs, each(_play, jobs), strict=True):
            if isinstance(found, str):
                left_out[_name(job)] = found
            else:
                points.setdefault(job.sampler, []).append(_point(job, found))
    standings = tuple(_standing(name, tuple(points[name])) for name in names if name in points)
    return League(n, samples, temperature, seed, standings, left_out)


def _players(asked: Sequence[str], left_out: dict[str, str]) -> list[str]:
    """Names of those who play, each once; a broken plug-in that nobody asked for goes to `left_out`."""
    names: dict[str, None] = {}
    for name in asked or SAMPLERS.names():
        try:
            names[SAMPLERS.get(name).name] = None
        except UsageError as error:
            if asked:
                raise
            left_out[name] = str(error)
    return list(names)


def _name(job: _Job) -> str:
    return " ".join([job.sampler, *(f"{name}={value:g}" for name, value in job.options.items())])


def _play(job: _Job) -> dict[str, Outcome] | str:
    """Outcomes by task, or why this setting cannot play."""
    found = {}
    for task in LEAGUE_TASKS:
        try:
            answers = decode_cell(
                task, job.n, job.sampler, _options(job), job.temperature, job.samples, job.seed, _KEY
            )
        except UsageError as error:
            return str(error)
        found[task] = Outcome(
            np.array(right_answers(answers)),
            np.array([answer.nfe for answer in answers]),
            get_task(task).positions(job.n),
        )
    return found


def _options(job: _Job) -> dict[str, Any]:
    """The oracle's tokens are all alike, so that every one is as frequent to `pc`."""
    if job.sampler != "pc":
        return dict(job.options)
    table = FrequencyTable(
        model="oracle", tokenizer="items", vocab_size=64, source="uniform", counts=dict.fromkeys(range(64), 1)
    )
    return {**job.options, "frequencies": table}


def _point(job: _Job, outcomes: Mapping[str, Outcome]) -> Point:
    bounds = {}
    for task in OPEN_TASKS:
        best = _best_bits(task, job.n)
        steps = np.minimum(outcomes[task].nfe, len(best))
        bounds[task] = 2.0 ** -best[steps - 1]
    return Point(job.sampler, dict(job.options), outcomes, bounds)


@cache
def _best_bits(task: str, n: int) -> np.ndarray:
    """L*_T for T = 1.. as far as there are positions."""
    chosen = get_task(task)
    if chosen.by_size is not None:
        found = best_sizes([chosen.by_size(n, m) for m in range(chosen.positions(n) + 1)])
    else:
        found = best_partitions(table_of_sets(chosen, n))
    return np.array([one.bits for one in found])


def _standing(sampler: str, points: tuple[Point, ...]) -> Standing:
    scores, speeds, curve = [], [], []
    for task in OPEN_TASKS:
        right = np.stack([point.outcomes[task].right for point in points]).astype(float)
        nfe = np.stack([point.outcomes[task].nfe for point in points])
        speed = points[0].outcomes[task].positions / nfe
        chosen, sample = best_setting(right, nfe), np.arange(right.shape[1])
        scores.append(right[chosen, sample].mean())
        speeds.append(speed[chosen, sample].mean())
        curve.append(np.stack([speed.mean(1), right.mean(1)], axis=1))
    optimum, fastest = float(np.mean(scores)), float(np.mean(speeds))
    single = [(float(speed), float(score)) for speed, score in np.mean(curve, axis=0)]
    reached = interpolated_speed(single, optimum)
    return Standing(sampler, points, optimum, fastest, fastest / reached if reached else None)
