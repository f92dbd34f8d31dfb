"""The columns of the three artifacts, as explicit Arrow schemas, and their version.

Changing a column raises SCHEMA_VERSION; docs/artifacts.md describes each column with its unit. Files
of earlier versions are read as they are, what they lack is null.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["KINDS", "MADE_BY", "SCHEMA_VERSION", "Kind", "column_names", "schema"]

SCHEMA_VERSION = 2

Kind = Literal["samples", "generations", "scores"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MADE_BY: dict[Kind, str] = {
    "samples": "pbench tasks build",
    "generations": "pbench decode",
    "scores": "pbench score",
}

# Columns that came after version 1; all of them may be null.
_ADDED: dict[tuple[Kind, str], int] = {("generations", "nfe_gap"): 2, ("generations", "gap"): 2}

# Name -> type, in file order; the words are keys of _types() below.
_COLUMNS: dict[Kind, dict[str, str]] = {
    "samples": {
        "sample_id": "text",
        "task": "text",
        "category": "text",
        "index": "int",
        "messages": "messages",
        "answer": "text",
        "output_format": "texts",
        "gen_length": "int",
        "metric": "text",
        "headline": "text",
        "metadata": "text",
    },
    "generations": {
        "sample_id": "text",
        "task": "text",
        "category": "text",
        "index": "int",
        "messages": "messages",
        "answer": "text",
        "metric": "text",
        "headline": "text",
        "metadata": "text",
        "status": "text",
        "error_kind": "text",
        "error": "text",
        "output_text": "text",
        "output_ids": "ids",
        "input_length": "int",
        "gen_length": "int",
        "block_length": "int",
        "content_length": "int",
        "nfe": "int",
        "nfe_prefill": "int",
        "nfe_store": "int",
        "nfe_aux": "int",
        "nfe_gap": "int",
        "query_tokens": "int",
        "kv_tokens": "int",
        "commit_step": "ids",
        "trace": "trace",
        "gap": "floats",
        "seconds": "real",
        "seed": "int",
        "attempt": "int",
        "usage": "counts",
    },
    "scores": {
        "sample_id": "text",
        "task": "text",
        "category": "text",
        "index": "int",
        "status": "text",
        "error_kind": "text",
        "output_text": "text",
        "nfe": "int",
        "query_tokens": "int",
        "gen_length": "int",
        "block_length": "int",
        "content_length": "int",
        "seconds": "real",
        "scores": "values",
        "reasons": "reasons",
        "metric": "text",
        "headline": "text",
        "metric_version": "text",
    },
}


def column_names(kind: Kind, version: int = SCHEMA_VERSION) -> tuple[str, ...]:
    """Names of the columns of `kind` in files of `version`, in file order."""
    return tuple(name for name in _COLUMNS[kind] if _ADDED.get((kind, name), 1) <= version)


@cache
def schema(kind: Kind, version: int = SCHEMA_VERSION) -> pa.Schema:
    """Arrow schema of `kind` in files of `version`, without metadata."""
    import pyarrow as pa

    types = _types()
    return pa.schema([pa.field(name, types[_COLUMNS[kind][name]]) for name in column_names(kind, version)])


def _types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    def many(item: pa.DataType) -> pa.DataType:
        return pa.list_(pa.field("element", item))

    event = [
        pa.field("step", pa.int32()),
        pa.field("position", pa.int32()),
        pa.field("token_id", pa.int32()),
        pa.field("confidence", pa.float32()),
        pa.field("event", pa.string()),
    ]
    return {
        "text": pa.string(),
        "texts": many(pa.string()),
        "int": pa.int64(),
        "ids": many(pa.int32()),
        "real": pa.float64(),
        "floats": many(pa.float32()),
        "counts": pa.map_(pa.string(), pa.int64()),
        "values": pa.map_(pa.string(), pa.float64()),
        "reasons": pa.map_(pa.string(), pa.string()),
        "messages": many(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])),
        "trace": many(pa.struct(event)),
    }
