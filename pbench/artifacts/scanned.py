"""What one opening of an artifact tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Scan"]


class Scan(NamedTuple):
    """The manifest and, where the artifact is of the kind asked for, its verified columns.

    `seal` stands for all bytes of a Parquet file, see `parquet.verified_seal`; None where the columns
    were not read, and for the .jsonl form.
    """

    manifest: dict[str, Any]
    columns: pa.Table | None = None
    seal: bytes | None = None
