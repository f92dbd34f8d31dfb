"""Run points: the settings that a point stands for, and what was measured at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from pbench.config import content_hash
from pbench.report.sweeps import swept_parameter

__all__ = ["Interval", "Point", "Settings", "Stats", "SuiteTasks", "TaskInfo", "number", "setting_text"]

Interval = tuple[float, float]


class SuiteTasks(NamedTuple):
    """A named suite: PBx and the means are over its tasks, each counted once."""

    name: str
    tasks: tuple[str, ...]


class TaskInfo(NamedTuple):
    """What the manifests say of one task."""

    category: str
    metric: str
    headline: str
    data_hash: str
    samples: int


@dataclass(frozen=True)
class Settings:
    """What makes two results belong to the same run point; options as they were given.

    `model_id` is the hash of the model's identity, so that two revisions of one name stay apart.
    `labels` also holds what `--force` keeps apart (checker, data, metric version).
    """

    model: str
    model_id: str
    sampler: str | None
    params: Mapping[str, Any]
    block_length: str | int | None
    cache: str
    temperature: float
    compat: str | None
    dtype: str | None
    infill: bool
    decoding: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """Hash of all settings: equal for results of the same run point."""
        return content_hash({name: getattr(self, name) for name in self.__dataclass_fields__})

    @cached_property
    def parameter(self) -> str | None:
        """The parameter along which this sampler is swept."""
        return swept_parameter(self.sampler, self.params)

    @property
    def value(self) -> Any:
        """The swept parameter's value; None without one."""
        if self.parameter == "block_length":
            return self.block_length
        return None if self.parameter is None else self.params[self.parameter]

    @property
    def setting(self) -> str:
        """The swept parameter in words, e.g. `k=4`; `-` without one."""
        return "-" if self.parameter is None else setting_text(self.parameter, self.value)


@dataclass(frozen=True, slots=True)
class Stats:
    """Measurements of one task, or the mean over `tasks` tasks; None = unknown.

    `score` is 0..1 over `n` samples that have a value; `errors` could not be decoded or scored,
    `missing` have no value of the headline metric: neither counts as zero.
    `nfe` forward passes a sample; `tokens_per_second` = answer positions / seconds.
    """

    n: int
    errors: int
    missing: int
    score: float | None
    ci95: Interval | None
    nfe: float | None
    tokens_per_step: float | None
    content_tokens_per_step: float | None
    seconds: float | None
    tokens_per_second: float | None
    tasks: int = 1


@dataclass(frozen=True, slots=True)
class Point:
    """One run point: settings, statistics of each task, means over categories and over all.

    `overall` is None if none of the averaged tasks was measured. `problems` says in words what
    is wrong (errors, unfinished runs, missing values); `lacks` names tasks of the suite that
    are not there. `resamples` [1000] are bootstrap means of the overall score (empty without one).
    """

    settings: Settings
    tasks: dict[str, Stats]
    categories: dict[str, Stats]
    overall: Stats | None
    problems: tuple[str, ...]
    lacks: tuple[str, ...]
    files: tuple[str, ...]
    config_ids: tuple[str, ...]
    resamples: np.ndarray = field(repr=False)

    @property
    def complete(self) -> bool:
        """All tasks of the suite are there and nothing is wrong with any of them."""
        return not self.problems and not self.lacks

    @property
    def why_incomplete(self) -> str | None:
        """One clause that says what keeps this point from having a PBx; None if complete."""
        missing = [f"{len(self.lacks)} of its tasks missing ({_some(self.lacks)})"] if self.lacks else []
        return "; ".join([*self.problems, *missing]) or None


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def setting_text(name: str, value: Any) -> str:
    """`gamma=0.9`, `k=4`: shortest form of the number."""
    return f"{name}={number(value)}"


def number(value: Any) -> str:
    """A value as a reader would write it: 1 for 1.0, 0.1 for 0.1."""
    return f"{value:g}" if isinstance(value, float) else str(value)
