"""A sweep as a list of runs, in an order in which results become comparable early.

A run is one configuration with the tasks that it works for: what a sampler or a block length does
not allow for a task's gen_length is left out, and counted by its reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from itertools import product, zip_longest
from pathlib import Path
from typing import Any, Literal

from pbench.config import canonical_json
from pbench.decode.options import EngineOptions, resolve_block_length
from pbench.decode.sweep_file import Matrix, SweepFile, sampler_choices, sampler_of
from pbench.errors import ConfigError, UsageError, unknown_name

__all__ = ["Cell", "Grid", "TaskInfo", "expand", "only"]

_GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """What a grid must know of a task."""

    name: str
    category: str
    gen_length: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One run; `block_length` None is the whole answer, `gen_length` None each task's own."""

    model: str
    sampler: str | None
    options: Mapping[str, Any]
    block_length: int | None
    gen_length: int | None
    cache: Literal["none", "prefix", "dual"]
    temperature: float
    seed: int
    compat: Literal["parallelbench"] | None
    infill: bool
    base_url: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """All that tells runs apart, flat: what `exclude` and `--only` match against."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        del own["options"], own["tasks"], own["labels"]
        own |= {"block_length": self.block_length or "full"} | dict(self.options)
        return own | {f"label {key}": value for key, value in self.labels.items()}

    @property
    def engine_options(self) -> EngineOptions:
        """The engine's part of the configuration."""
        return EngineOptions(
            self.block_length,
            self.temperature,
            self.seed,
            compat=self.compat,
            infill=self.infill,
            cache=self.cache,
        )


@dataclass(frozen=True, slots=True)
class Grid:
    """The runs in their order, and how often something was left out for which reason."""

    runs: list[Cell]
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def pairs(self) -> int:
        """Pairs of a task and a configuration."""
        return sum(len(cell.tasks) for cell in self.runs)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A combination of a matrix and the tasks that it is meant for."""

    cell: Cell
    names: Sequence[str] | None
    categories: frozenset[str] | None
    settings: Mapping[str, Any]

    def is_for(self, info: TaskInfo) -> bool:
        return self.categories is None or info.category in self.categories


def expand(sweep: SweepFile, tasks: Mapping[str, Sequence[TaskInfo]], path: Path) -> Grid:
    """All runs of `sweep`; `tasks` gives for each name in a `tasks` list what it stands for.

    ConfigError if a rule has an unknown key or matches nothing, or if nothing is left to run.
    """
    categories = {info.category for infos in tasks.values() for info in infos}
    candidates = [found for matrix in sweep.matrix for found in _candidates(matrix, categories)]
    for number, rule in enumerate(sweep.exclude, 1):
        candidates = _without(candidates, rule, f"exclude rule {number}", path)
    candidates += [found for matrix in sweep.include for found in _candidates(matrix, categories)]
    left_out: Counter[str] = Counter()
    runs: dict[bytes, Cell] = {}
    for found in candidates:
        wanted = [info for name in found.names or sweep.tasks for info in tasks[name] if found.is_for(info)]
        fitting = [info.name for info in wanted if _fits(found.cell, info, left_out)]
        if fitting:
            key = canonical_json(dict(found.settings))
            earlier = runs[key].tasks if key in runs else ()
            runs[key] = replace(found.cell, tasks=tuple(dict.fromkeys([*earlier, *fitting])))
    if not runs:
        why = "; ".join(left_out) or "exclude takes everything away"
        raise ConfigError(f"the grid is empty: {why}", path=path)
    return Grid(_comparable_early(runs.values()), dict(left_out))


def only(grid: Grid, expression: str) -> Grid:
    """The runs that `KEY=PATTERN[,KEY=PATTERN...]` selects (`sampler=threshold,gamma=0.9`).

    Keys are those of a run's settings, and `task`, which thins out the tasks of each run. Patterns
    may hold `*`. UsageError for an unknown key, or if nothing is left.
    """
    runs = grid.runs
    known = sorted({"task", *(name for cell in grid.runs for name in cell.settings)})
    for condition in expression.split(","):
        key, _, pattern = (part.strip() for part in condition.partition("="))
        if key not in known:
            raise unknown_name("condition of --only", key, known)
        if key == "task":
            thinned = [replace(cell, tasks=tuple(_chosen(cell.tasks, pattern))) for cell in runs]
            runs = [cell for cell in thinned if cell.tasks]
        else:
            runs = [cell for cell in runs if _agrees(cell.settings.get(key), pattern)]
    if not runs:
        raise UsageError(f"--only {expression!r} leaves none of the {len(grid.runs)} runs")
    return Grid(runs, grid.left_out)


def _candidates(matrix: Matrix, categories: set[str]) -> Iterator[_Candidate]:
    samplers = [choice for entry in matrix.sampler for choice in sampler_choices(entry)]
    rest = (matrix.cache, matrix.temperature, matrix.seed, matrix.compat, matrix.infill, matrix.base_url)
    labels = {key: str(value) for key, value in matrix.labels.items()}
    lengths = _lengths(matrix, categories)
    for model, (name, options), block, (length, meant), *others in product(
        matrix.model, samplers, matrix.block_length, lengths, *rest
    ):
        given = (model, name, options, None if block == "full" else block, length, *others)
        cell = replace(Cell(*given), labels=labels)
        yield _Candidate(cell, matrix.tasks, meant, cell.settings)


def _lengths(matrix: Matrix, categories: set[str]) -> list[tuple[int | None, frozenset[str] | None]]:
    """gen_lengths, each with the categories that it is for (None: all)."""
    if not isinstance(matrix.gen_length, dict):
        return [(length, None) for length in matrix.gen_length]
    named = [(length, frozenset({name})) for name, length in matrix.gen_length.items()]
    others = frozenset(categories - set(matrix.gen_length))
    return [*named, *([(None, others)] if others else [])]


def _without(
    candidates: list[_Candidate], rule: Mapping[str, Any], what: str, path: Path
) -> list[_Candidate]:
    known = sorted({name for found in candidates for name in found.settings})
    for key in rule:
        if key not in known:
            raise ConfigError(f"{what}: {unknown_name('key', key, known)}", path=path)
    wanted = {key: value if isinstance(value, list) else [value] for key, value in rule.items()}
    kept = [
        found
        for found in candidates
        if not all(key in found.settings and found.settings[key] in wanted[key] for key in wanted)
    ]
    if len(kept) == len(candidates):
        raise ConfigError(f"{what} {dict(rule)} matches no combination", path=path)
    return kept


def _fits(cell: Cell, info: TaskInfo, left_out: Counter[str]) -> bool:
    """Whether the lengths allow it; if not, the reason is counted."""
    length = cell.gen_length or info.gen_length
    try:
        block = resolve_block_length(length, cell.block_length)
        sampler = sampler_of(cell.sampler, cell.options)
        if sampler is not None:
            sampler.check(length, block)
    except UsageError as error:
        left_out[str(error)] += 1
        return False
    return True


def _comparable_early(cells: Iterable[Cell]) -> list[Cell]:
    """Model by model; within a model the samplers in turn, each from coarse to fine over its range."""
    models: dict[str, dict[str | None, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        models[cell.model][cell.sampler].append(cell)
    ordered: list[Cell] = []
    for samplers in models.values():
        for turn in zip_longest(*(_coarse_to_fine(own) for own in samplers.values())):
            ordered += [cell for cell in turn if cell is not None]
    return ordered


def _coarse_to_fine(cells: list[Cell]) -> list[Cell]:
    """Golden-ratio order: every beginning is spread evenly over the whole."""
    return [cells[i] for i in sorted(range(len(cells)), key=lambda i: i * _GOLDEN % 1.0)]


def _chosen(tasks: Iterable[str], pattern: str) -> Iterator[str]:
    return (task for task in tasks if task.partition("/")[0] == pattern or fnmatchcase(task, pattern))


def _agrees(value: Any, pattern: str) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(pattern) == value
        except ValueError:
            pass
    return fnmatchcase(str(value), pattern)
