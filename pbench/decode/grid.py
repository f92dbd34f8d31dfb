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

from pbench.config import canonical_json, yaml_line
from pbench.decode.engine import most_steps
from pbench.decode.options import EngineOptions, resolve_block_length
from pbench.decode.sweep_file import Matrix, SweepFile, sampler_choices, sampler_of
from pbench.errors import ConfigError, UsageError, unknown_name

__all__ = ["Cell", "Grid", "TaskInfo", "expand", "only", "run_cost"]

_GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """What a grid must know of a task."""

    name: str
    category: str
    gen_length: int
    samples: int = 1  # that a run of it decodes


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
    measure_gap: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """All that tells runs apart, flat: what `exclude` and `--only` match against."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        del own["options"], own["tasks"], own["labels"], own["measure_gap"]
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
            measure_gap=self.measure_gap,
        )

    def joined(self, earlier: Cell) -> Cell:
        """This run and the same one of another matrix: the tasks of both, measured if one is."""
        tasks = tuple(dict.fromkeys([*earlier.tasks, *self.tasks]))
        return replace(self, tasks=tasks, measure_gap=self.measure_gap or earlier.measure_gap)


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
    """A combination of a matrix (where it stands in the file) and the tasks that it is meant for."""

    place: tuple[str, int]
    cell: Cell
    names: Sequence[str] | None
    categories: frozenset[str] | None
    settings: Mapping[str, Any]

    def is_for(self, info: TaskInfo) -> bool:
        return self.categories is None or info.category in self.categories


def expand(sweep: SweepFile, tasks: Mapping[str, Sequence[TaskInfo]], path: Path) -> Grid:
    """All runs of `sweep`; `tasks` gives for each name in a `tasks` list what it stands for.

    ConfigError, with the line in `path`, if a rule has an unknown key or matches nothing, if a
    matrix has an unknown category or nothing to run, or if all in all nothing is left.
    """
    categories = {info.category for infos in tasks.values() for info in infos}
    candidates = _all_candidates("matrix", sweep.matrix, categories, path)
    for number, rule in enumerate(sweep.exclude):
        candidates = _without(candidates, rule, number, path)
    candidates += _all_candidates("include", sweep.include, categories, path)
    left_out: Counter[str] = Counter()
    reasons: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    runs: dict[bytes, Cell] = {}
    for found in candidates:
        wanted = [info for name in found.names or sweep.tasks for info in tasks[name] if found.is_for(info)]
        refused: Counter[str] = Counter()
        fitting = [info.name for info in wanted if _fits(found.cell, info, refused)]
        left_out += refused
        reasons[found.place] += Counter({"": 1}) if fitting else refused
        if fitting:
            key = canonical_json(dict(found.settings))
            cell = replace(found.cell, tasks=tuple(fitting))
            runs[key] = cell.joined(runs.get(key, cell))
    _refuse_empty(reasons, path)
    return Grid(_comparable_early(runs.values()), dict(left_out))


def run_cost(cell: Cell, tasks: Mapping[str, TaskInfo]) -> int:
    """Most forward passes of a run, all samples together; of a text generator, its samples."""
    sampler = sampler_of(cell.sampler, cell.options)
    infos = [tasks[name] for name in cell.tasks]
    if sampler is None:
        return sum(info.samples for info in infos)
    steps = [most_steps(cell.gen_length or info.gen_length, sampler, cell.block_length) for info in infos]
    return sum(info.samples * number for info, number in zip(infos, steps, strict=True))


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


def _all_candidates(
    section: str, matrices: Sequence[Matrix], categories: set[str], path: Path
) -> list[_Candidate]:
    """Of all matrices in a section of the file."""
    found: list[_Candidate] = []
    for number, matrix in enumerate(matrices):
        for name in matrix.gen_length if isinstance(matrix.gen_length, dict) else ():
            if name not in categories:
                line = yaml_line(path, section, number, "gen_length", name)
                raise ConfigError(str(unknown_name("category", name, categories)), path=path, line=line)
        found += _candidates((section, number), matrix, categories)
    return found


def _candidates(place: tuple[str, int], matrix: Matrix, categories: set[str]) -> Iterator[_Candidate]:
    samplers = [choice for entry in matrix.sampler for choice in sampler_choices(entry)]
    rest = (matrix.cache, matrix.temperature, matrix.seed, matrix.compat, matrix.infill, matrix.base_url)
    labels = {key: str(value) for key, value in matrix.labels.items()}
    lengths = _lengths(matrix, categories)
    for model, (name, options), block, (length, meant), *others in product(
        matrix.model, samplers, matrix.block_length, lengths, *rest
    ):
        given = (model, name, options, None if block == "full" else block, length, *others)
        cell = replace(Cell(*given), labels=labels, measure_gap=matrix.measure_gap)
        yield _Candidate(place, cell, matrix.tasks, meant, cell.settings)


def _lengths(matrix: Matrix, categories: set[str]) -> list[tuple[int | None, frozenset[str] | None]]:
    """gen_lengths, each with the categories that it is for (None: all)."""
    if not isinstance(matrix.gen_length, dict):
        return [(length, None) for length in matrix.gen_length]
    named = [(length, frozenset({name})) for name, length in matrix.gen_length.items()]
    others = frozenset(categories - set(matrix.gen_length))
    return [*named, *([(None, others)] if others else [])]


def _without(
    candidates: list[_Candidate], rule: Mapping[str, Any], number: int, path: Path
) -> list[_Candidate]:
    """What exclude rule `number` leaves."""
    known = sorted({name for found in candidates for name in found.settings})
    for key in rule:
        if key not in known:
            line = yaml_line(path, "exclude", number, key)
            raise ConfigError(f"exclude: {unknown_name('key', key, known)}", path=path, line=line)
    wanted = {key: value if isinstance(value, list) else [value] for key, value in rule.items()}
    kept = [
        found
        for found in candidates
        if not all(key in found.settings and found.settings[key] in wanted[key] for key in wanted)
    ]
    if len(kept) == len(candidates):
        line = yaml_line(path, "exclude", number)
        raise ConfigError(f"exclude: {dict(rule)} matches no combination", path=path, line=line)
    if not kept:
        line = yaml_line(path, "exclude", number)
        raise ConfigError("the grid is empty: exclude takes everything away", path=path, line=line)
    return kept


def _refuse_empty(reasons: Mapping[tuple[str, int], Counter[str]], path: Path) -> None:
    """ConfigError for a matrix of which no combination can be run with any of its tasks."""
    for (section, number), counted in reasons.items():
        if "" in counted:
            continue
        why = "; ".join(list(counted)[:3]) or "its gen_length is for no category of its tasks"
        line = yaml_line(path, section, number)
        raise ConfigError(f"{section}: nothing of it can be run: {why}", path=path, line=line)


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
