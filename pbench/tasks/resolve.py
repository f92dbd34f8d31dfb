"""Names of tasks as people type them: suites, full names, short names, categories, suite files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property

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
    shelf = _shipped() if suites is None else _Shelf(suites)
    return _once(spec for name in names for spec in shelf.meant(name))


class _Shelf:
    """The suites in which names are looked up; shipped ones are read when a name asks for them."""

    def __init__(self, suites: Sequence[Suite] | None):
        self._given = None if suites is None else {suite.name: suite for suite in suites}
        self._read: dict[str, Suite] = {}

    def meant(self, name: str) -> Sequence[TaskSpec]:
        if name.endswith((".yaml", ".yml")):
            return load_suite(name).tasks
        if name in self._names:
            return self._suite(name).tasks
        for found in self._candidates(name):
            if len(found) > 1:
                full = ", ".join(spec.name for spec in found)
                raise UsageError(f"task {name!r} is one of {full}; say which")
            if found:
                return found
        found = [spec for spec in self._benchmark if spec.category == name]
        if not found:
            known = [spec.name if "/" in name else _short(spec) for spec in self._benchmark]
            raise unknown_name("task or suite", name, {*self._names, *known})
        return found

    def _candidates(self, name: str) -> Iterator[list[TaskSpec]]:
        group = name.partition("/")[0]
        if group in self._names:
            yield [spec for spec in self._suite(group).tasks if spec.name == name]
        yield [spec for spec in self._benchmark if _short(spec) == name]
        yield [spec for spec in self._everything if name in (spec.name, _short(spec))]

    @cached_property
    def _names(self) -> list[str]:
        return list(shipped_suites() if self._given is None else self._given)

    def _suite(self, name: str) -> Suite:
        if self._given is not None:
            return self._given[name]
        if name not in self._read:
            self._read[name] = load_suite(name)
        return self._read[name]

    @cached_property
    def _benchmark(self) -> Sequence[TaskSpec]:
        """Where short names and categories are looked up first."""
        return self._suite(DEFAULT_SUITE).tasks if DEFAULT_SUITE in self._names else self._everything

    @cached_property
    def _everything(self) -> list[TaskSpec]:
        return _once(spec for name in self._names for spec in self._suite(name).tasks)


@cache
def _shipped() -> _Shelf:
    """The shipped suites, each read once in a process."""
    return _Shelf(None)


def _short(spec: TaskSpec) -> str:
    return spec.name.partition("/")[2]


def _once(specs: Iterable[TaskSpec]) -> list[TaskSpec]:
    return list({spec.name: spec for spec in specs}.values())
