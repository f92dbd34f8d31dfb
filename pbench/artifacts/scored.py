"""What one opening of a score file tells a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pbench.artifacts.sheet import Sheet

__all__ = ["Scored"]


class Scored(NamedTuple):
    """The manifest, and the numbers of the rows; the file is known to be as it was written."""

    manifest: dict[str, Any]
    sheet: Sheet
