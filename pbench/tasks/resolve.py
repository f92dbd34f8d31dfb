"""Names of tasks as people type them: suites, full names, short names, categories, suite files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pbench.errors import UsageError, unknown_name
from pbench.tasks.spec import TaskSpec
from pbench.tasks.suites import Suite, load_suite, shipped_suites

__all__ = ["DEFAULT_SUITE", "all_tasks", "resolve"]

DEFAULT_SUITE = "benchmark"


def all_tasks() -> list[TaskSpec]:
    """All tasks of all shipped suites, suite by suite, each once."""
    return _once(spec for name in shipped_suites() for spec in load_suite(name).tasks)


def resolve(names: Sequence[str], suites: Sequence[Suite] | None = None) -> list[TaskSpec]:
    """The tasks that `names` mean, in their order, each once.

    A name is, in this order: a suite or a suite file; a task `group/task`; a task without its
    group, if one task of the benchmark (or else one of all) is called so; a category of the
    benchmark. `suites`: where to look instead of in the shipped ones. UsageError for others.
    """
    if suites is None:
        suites = [load_suite(name) for name in shipped_suites()]
    return _once(spec for name in names for spec in _meant(name, suites))


def _meant(name: str, suites: Sequence[Suite]) -> Iterable[TaskSpec]:
    if name.endswith((".yaml", ".yml")):
        return load_suite(name).tasks
    by_suite = {suite.name: suite.tasks for suite in suites}
    if name in by_suite:
        return by_suite[name]
    everything = _once(spec for suite in suites for spec in suite.tasks)
    benchmark = by_suite.get(DEFAULT_SUITE, ())
    for found in (
        [spec for spec in everything if spec.name == name],
        [spec for spec in benchmark if _short(spec) == name],
        [spec for spec in everything if _short(spec) == name],
    ):
        if len(found) > 1:
            full = ", ".join(spec.name for spec in found)
            raise UsageError(f"task {name!r} is one of {full}; say which")
        if found:
            return found
    in_category = [spec for spec in benchmark or everything if spec.category == name]
    if not in_category:
        shown = [spec.name for spec in (benchmark or everything)]
        raise unknown_name("task or suite", name, [*by_suite, *shown])
    return in_category


def _short(spec: TaskSpec) -> str:
    return spec.name.partition("/")[2]


def _once(specs: Iterable[TaskSpec]) -> list[TaskSpec]:
    return list({spec.name: spec for spec in specs}.values())
