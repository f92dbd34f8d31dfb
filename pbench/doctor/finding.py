"""One thing that was looked at, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "State"]

State = Literal["ok", "note", "limited", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`found` in words; `mend` says what to do where there is something to do.

    `note`: worth knowing. `limited`: something that pbench can do is not to be had here. `broken`:
    something without which it does not work.
    """

    name: str
    state: State
    found: str
    mend: str | None = None
