"""Streams: results on stdout, everything meant for people on stderr; never markup from data."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pbench.errors import UsageError

__all__ = [
    "ReaderGoneError",
    "any_terminal",
    "clean",
    "configure",
    "error",
    "flush",
    "mute",
    "note",
    "result",
    "result_json",
    "split_list",
    "state",
    "warn",
]

SCHEMA_VERSION = 1


class ReaderGoneError(Exception):
    """Nobody reads standard output any more; not an OSError, for click ends the program at that one."""


@dataclass
class State:
    """What the root options say; read by the commands, set once."""

    debug: bool = False
    quiet: bool = False


state = State()


def configure(*, debug: bool, quiet: bool) -> None:
    state.debug = state.debug or debug
    state.quiet = state.quiet or quiet


def any_terminal() -> None:
    """What a stream's encoding lacks is written as an escape (LANG=C has ASCII only), not refused."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def clean(text: str) -> str:
    """Text from models or data made safe for a terminal: control characters become visible."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def result(text: str) -> None:
    """One line (or more) of the command's result, on stdout.

    OSError where it cannot be written, ReaderGoneError where nobody would read it.
    """
    with _naming_stdout():
        sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


def flush() -> None:
    """Hand the results over; errors as of `result`."""
    if sys.stdout is not None:
        with _naming_stdout():
            sys.stdout.flush()


@contextmanager
def _naming_stdout() -> Iterator[None]:
    if sys.stdout is None:  # started with it closed
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
    try:
        yield
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from None


def mute(stream: Any) -> None:
    """Send what `stream` still holds nowhere, so that the interpreter does not fail on it at its end."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (AttributeError, OSError, ValueError):
        return


def result_json(payload: dict[str, Any]) -> None:
    """The command's result as one JSON object on stdout, every control character escaped."""
    import orjson

    data = orjson.dumps({"schema_version": SCHEMA_VERSION, **payload}, option=orjson.OPT_INDENT_2)
    result(re.sub("[\x7f-\x9f]", lambda match: f"\\u{ord(match[0]):04x}", data.decode()))


def _stderr(text: str) -> None:
    """A reader of notes who has gone, or a full disk behind them, stops no run."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(clean(text).encode("utf-8", "backslashreplace").decode("utf-8") + "\n")
        sys.stderr.flush()
    except OSError:
        mute(sys.stderr)


def note(text: str) -> None:
    """A remark for people; `--quiet` silences it."""
    if not state.quiet:
        _stderr(text)


def warn(text: str) -> None:
    """Something is not as it should be, but the command goes on; never silenced."""
    _stderr(f"warning: {text}")


def error(text: str) -> None:
    _stderr(f"error: {text}")


def split_list(values: Iterable[str] | None) -> list[str]:
    """`--tasks a,b --tasks c` -> [a, b, c]; empty pieces are dropped, order and repeats kept.

    UsageError for a list of nothing (`--gpus "$UNSET"`): the default would not be what was meant.
    """
    given = list(values or ())
    found = [piece.strip() for value in given for piece in value.split(",") if piece.strip()]
    if given and not found:
        raise UsageError(f"{','.join(given)!r} is an empty list; name something, or leave the option out")
    return found
