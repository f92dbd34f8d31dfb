"""What one opening of an artifact tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pbench.artifacts.sheet import Sheet

__all__ = ["Scan"]


class Scan(NamedTuple):
    """The manifest and, where the artifact holds scores, the numbers of its rows, verified."""

    manifest: dict[str, Any]
    sheet: Sheet | None = None
