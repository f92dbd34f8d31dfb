"""Streams: results on stdout, everything meant for people on stderr; never markup from data."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["clean", "configure", "error", "note", "result", "result_json", "split_list", "state", "warn"]

SCHEMA_VERSION = 1


@dataclass
class State:
    """What the root options say; read by the commands, set once."""

    debug: bool = False
    quiet: bool = False


state = State()


def configure(*, debug: bool, quiet: bool) -> None:
    state.debug = state.debug or debug
    state.quiet = state.quiet or quiet


def clean(text: str) -> str:
    """Text from models or data made safe for a terminal: control characters become visible."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def result(text: str) -> None:
    """One line (or more) of the command's result, on stdout."""
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


def result_json(payload: dict[str, Any]) -> None:
    """The command's result as one JSON object on stdout, every control character escaped."""
    import orjson

    data = orjson.dumps({"schema_version": SCHEMA_VERSION, **payload}, option=orjson.OPT_INDENT_2)
    result(re.sub("[\x7f-\x9f]", lambda match: f"\\u{ord(match[0]):04x}", data.decode()))


def _stderr(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(clean(text).encode("utf-8", "backslashreplace").decode("utf-8") + "\n")
        sys.stderr.flush()


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
    """`--tasks a,b --tasks c` -> [a, b, c]; empty pieces are dropped, order and repeats kept."""
    return [piece.strip() for value in values or () for piece in value.split(",") if piece.strip()]
