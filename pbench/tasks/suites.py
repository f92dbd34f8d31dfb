"""Suites: YAML files that name tasks and their options, the shipped ones and the user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from pbench.config import Strict, load_yaml
from pbench.errors import ConfigError, UsageError, nearest, unknown_name
from pbench.tasks.families import TYPES, AnyTask
from pbench.tasks.spec import NAME, TaskOptions, TaskSpec

__all__ = ["Suite", "configs_dir", "load_suite", "shipped_suites"]


def _checked_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name: lower-case letters, digits, - and _, beginning with a letter or digit"
        )
    return name


Name = Annotated[str, AfterValidator(_checked_name)]

# What a task says beats these defaults too, because the two exclude each other.
_BEATS = {
    "num_samples": {"samples_per_length"},
    "samples_per_length": {"num_samples"},
    "lengths": {"min_length", "max_length"},
    "min_length": {"lengths"},
    "max_length": {"lengths"},
}


def _unused(key: str) -> str:
    known = {name for task in TYPES.values() for name in task.model_fields}
    raise ValueError(f"no task here takes it{nearest(key, known)}")


class SuiteFile(Strict):
    """A suite file: either tasks of its own (with defaults), or `include`, the names of others.

    A default is for those tasks whose type takes it. Reading puts the defaults into the tasks and
    leaves in `defaults` only what no task takes, which is an error.
    """

    description: str = ""
    include: tuple[Name, ...] = ()
    defaults: dict[Annotated[str, AfterValidator(_unused)], Any] = Field(default_factory=dict)
    tasks: dict[Name, AnyTask] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _merge_defaults(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        defaults, tasks = data.get("defaults", {}), data.get("tasks", {})
        if not isinstance(defaults, Mapping) or not isinstance(tasks, Mapping):
            return data
        merged = {name: _with_defaults(task, defaults) for name, task in tasks.items()}
        kinds = [_kind(task, defaults) for task in tasks.values()]
        # While a task's type is unknown, so is what it takes.
        taken = {key for kind in kinds if kind is not None for key in kind.model_fields}
        unused = [] if None in kinds else sorted(defaults.keys() - taken)
        return {**data, "tasks": merged, "defaults": {key: defaults[key] for key in unused}}

    @model_validator(mode="after")
    def _check_content(self) -> SuiteFile:
        if bool(self.include) == bool(self.tasks):
            raise ValueError("a suite has either tasks or include")
        return self


def _kind(task: Any, defaults: Mapping[str, Any]) -> type[TaskOptions] | None:
    name = task.get("type", defaults.get("type")) if isinstance(task, Mapping) else None
    return TYPES.get(name) if isinstance(name, str) else None


def _with_defaults(task: Any, defaults: Mapping[str, Any]) -> Any:
    kind = _kind(task, defaults)
    if kind is None:
        return task
    beaten = {other for key in task for other in _BEATS.get(key, ())}
    return {key: defaults[key] for key in defaults if key in kind.model_fields and key not in beaten} | task


@dataclass(frozen=True)
class Suite:
    """Tasks in the order of the file; `name` is the stem of the file, and its tasks' group."""

    name: str
    path: Path
    tasks: tuple[TaskSpec, ...]


@cache
def configs_dir() -> Path:
    """The folder of the shipped configurations: in the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    found = [
        folder for folder in (package / "task_configs", package.parent / "task_configs") if folder.is_dir()
    ]
    if not found:
        raise UsageError(f"no task_configs folder in {package} or beside it; reinstall pbench")
    return found[0]


def shipped_suites() -> dict[str, Path]:
    """Names and files of the suites that come with pbench."""
    return {path.stem: path for path in sorted((configs_dir() / "suites").glob("*.yaml"))}


def load_suite(name_or_path: str | Path) -> Suite:
    """A shipped suite by its name, or any suite file by its path.

    Raises ConfigError (file:line) for what the file should not say, UsageError for unknown names.
    """
    given = str(name_or_path)
    if isinstance(name_or_path, Path) or given.endswith((".yaml", ".yml")) or "/" in given:
        return _load(Path(given), ())
    shipped = shipped_suites()
    if given not in shipped:
        raise unknown_name("suite", given, shipped)
    return _load(shipped[given], ())


def _load(path: Path, outer: tuple[str, ...]) -> Suite:
    name = path.stem
    if not NAME.fullmatch(name):
        raise ConfigError(f"a suite's file name is its tasks' group; {name!r} is no such name", path=path)
    if name in outer:
        raise ConfigError(f"includes itself: {' -> '.join((*outer, name))}", path=path)
    content = load_yaml(path, SuiteFile)
    own = tuple(TaskSpec(f"{name}/{task}", options, path.parent) for task, options in content.tasks.items())
    for spec in own:
        _check_pool(spec, path)
    included = (_load(_included(path, other), (*outer, name)) for other in content.include)
    return Suite(name, path, own + tuple(spec for suite in included for spec in suite.tasks))


def _included(path: Path, other: str) -> Path:
    found = path.parent / f"{other}.yaml"
    if not found.is_file():
        found = shipped_suites().get(other, found)
    if not found.is_file():
        raise ConfigError(
            f"include: there is no suite {other!r}{nearest(other, shipped_suites())}", path=path
        )
    return found


def _check_pool(spec: TaskSpec, path: Path) -> None:
    if not spec.options.local:
        return
    try:
        spec.pool  # noqa: B018 - reading it is the check
    except UsageError as error:
        raise ConfigError(f"tasks.{spec.name.partition('/')[2]}.{error}", path=path) from None
