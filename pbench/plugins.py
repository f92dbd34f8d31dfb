"""Named plug-ins: a decorator and a dict for our own, entry points for everybody else's.

A third party's plug-in is imported only when its name is asked for; one that cannot be imported
is an entry in `broken`, never a reason for another one to fail.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from pbench.errors import UsageError, unknown_name

__all__ = ["Registry", "load_foreign"]

T = TypeVar("T")


def load_foreign(point: EntryPoint, kind: str) -> Any:
    """What an entry point names; UsageError if it cannot be imported, or ends the program instead.

    What it prints while it is imported goes to stderr: stdout is for results.
    """
    try:
        with redirect_stdout(sys.stderr):
            return point.load()
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {error}"
        raise UsageError(f"{kind} {point.name!r} from {point.value} cannot be loaded: {why}") from error


class Registry(Generic[T]):
    """Things of one kind by name.

    `kind` is the word for messages ("sampler"), `group` the entry point group of plug-ins,
    `modules` the modules that register our own when they are imported; `is_one` tells whether what
    a plug-in names can be one at all.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        modules: tuple[str, ...],
        is_one: Callable[[Any], bool] = lambda _thing: True,
    ):
        self.kind = kind
        self.group = group
        self.broken: dict[str, str] = {}
        self._modules = modules
        self._is_one = is_one
        self._known: dict[str, T] = {}
        self._aliases: dict[str, str] = {}
        self._foreign: dict[str, EntryPoint] | None = None

    def add(self, name: str, *aliases: str) -> Callable[[T], T]:
        """Decorator that registers its object under `name`; a name taken twice is a bug."""

        def register(thing: T) -> T:
            for key in (name, *aliases):
                if key in self._known or key in self._aliases:
                    raise ValueError(f"{self.kind} {key!r} is registered twice")
            self._known[name] = thing
            self._aliases.update(dict.fromkeys(aliases, name))
            return thing

        return register

    def names(self) -> list[str]:
        """All names, ours first, in order of registration; nothing foreign is imported."""
        self._load_own()
        return [*self._known, *(name for name in self._entry_points() if name not in self._known)]

    def own_names(self) -> list[str]:
        """Names of ours alone, in order of registration."""
        self._load_own()
        return [name for name in self._known if name not in self._entry_points()]

    def get(self, name: str) -> T:
        """The thing called `name` (or an alias; `_` and `-` are the same). UsageError if there is none."""
        self._load_own()
        for key in (name, name.replace("_", "-")):
            key = self._aliases.get(key, key)
            if key in self._known:
                return self._known[key]
            if key in self._entry_points():
                return self._load_foreign(key)
        raise unknown_name(self.kind, name, [*self.names(), *self._aliases])

    def _load_own(self) -> None:
        for module in self._modules:
            import_module(module)

    def _entry_points(self) -> dict[str, EntryPoint]:
        if self._foreign is None:
            self._foreign = {point.name: point for point in entry_points(group=self.group)}
        return self._foreign

    def _load_foreign(self, name: str) -> T:
        point = self._entry_points()[name]
        try:
            thing = load_foreign(point, self.kind)
            if not self._is_one(thing):
                raise UsageError(
                    f"{self.kind} {name!r}: {point.value} is a {type(thing).__name__}, no {self.kind}"
                )
        except UsageError as error:
            self.broken[name] = str(error)
            raise
        self._known[name] = thing
        return thing
