"""Every error that pbench raises on purpose, and the exit code that each one ends a command with.

    PbenchError                 1  a bug if it is raised as such
    ├── UsageError              2  the user asked for something that cannot be
    │   └── ConfigError         2  the same, in a file: carries path and line
    ├── SamplesFailedError           3  the command finished, some samples did not
    ├── ArtifactError           4  an input file is missing, partial, corrupt or of another schema
    └── LockedError             5  another process works on the same run

An error is one or two lines: what is wrong, where, and how to mend it.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

__all__ = [
    "ArtifactError",
    "ConfigError",
    "LockedError",
    "PbenchError",
    "SamplesFailedError",
    "UsageError",
    "nearest",
    "unknown_name",
]


class PbenchError(Exception):
    """Base of all deliberate errors; `exit_code` is what the command line ends with."""

    exit_code = 1


class UsageError(PbenchError):
    """Wrong usage or configuration."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file says something that pbench does not accept.

    `line` counts from 1; None when the error concerns the file as a whole.
    """

    def __init__(self, message: str, *, path: Path | str | None = None, line: int | None = None):
        where = "" if path is None else f"{path}{'' if line is None else f':{line}'}: "
        super().__init__(where + message)
        self.path = path
        self.line = line


class SamplesFailedError(PbenchError):
    """The run finished, but some samples have no answer; the artifact says which and why."""

    exit_code = 3


class ArtifactError(PbenchError):
    """An input artifact is missing, partial, corrupt or of another schema."""

    exit_code = 4


class LockedError(PbenchError):
    """Another process holds the lock of this run."""

    exit_code = 5


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint " (did you mean X?)", or an empty string when nothing is near."""
    found = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {found[0]!r}?)" if found else ""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The one wording for a name that a registry or a list does not have."""
    names = sorted(set(known))
    return UsageError(f"unknown {kind} {name!r}{nearest(name, names)}; known: {', '.join(names)}")
