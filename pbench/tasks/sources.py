"""Where the texts of writing tasks come from: embedded files, a file of the user, the hub."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import Field, model_serializer, model_validator

from pbench.config import Strict
from pbench.errors import UsageError
from pbench.tasks.words import TEXTS

__all__ = ["Needs", "Row", "Source", "read_rows", "text_list"]

Row = dict[str, Any]
Needs = tuple[tuple[str, type], ...]


class Source(Strict):
    """`bundled`, `{file: rows.jsonl}` or `{hub: owner/name, split: test}`.

    `columns` maps our column names to those of the data set; `max_rows` bounds what is read of it.
    """

    file: str | None = None
    hub: str | None = Field(default=None, pattern=r"^[\w.-]+/[\w.-]+$")
    revision: str | None = None
    subset: str | None = None
    split: str = Field(default="test", pattern=r"^\w+$")
    columns: dict[str, str] = Field(default_factory=dict)
    max_rows: int = Field(default=1000, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if data == "bundled":
            return {}
        if not isinstance(data, Mapping | Source):
            raise ValueError("is `bundled`, {file: PATH} or {hub: OWNER/NAME}")
        return data

    @model_validator(mode="after")
    def _one(self) -> Source:
        if self.file is not None and self.hub is not None:
            raise ValueError("give either file or hub")
        if self.hub is None and self.model_fields_set - {"file"}:
            raise ValueError("revision, subset, split, columns and max_rows belong to hub")
        return self

    @model_serializer
    def _said(self) -> str | dict[str, Any]:
        """As the YAML says it."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)} or "bundled"

    @property
    def name(self) -> str:
        """What the manifest calls it."""
        return self.hub or self.file or "bundled"


def read_rows(source: Source, bundled: str, folder: Path, needs: Needs) -> tuple[Row, ...]:
    """Rows of the source with the columns that `needs` names, each of the type given there.

    Raises UsageError where the source cannot be read or lacks a column.
    """
    if source.hub is not None:
        from pbench.tasks.hub import hub_rows

        return hub_rows(source, needs)
    path = TEXTS / f"{bundled}.jsonl" if source.file is None else folder / source.file
    return _file_rows(path, needs)


def _file_rows(path: Path, needs: Needs) -> tuple[Row, ...]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"source: {path}: {error.strerror}") from None
    return tuple(
        _row(line, f"{path}:{number}", needs) for number, line in enumerate(lines, 1) if line.strip()
    )


def _row(line: bytes, where: str, needs: Needs) -> Row:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"source: {where}: no JSON: {error}") from None
    for name, kind in needs:
        value = row.get(name) if isinstance(row, dict) else None
        if not value or not isinstance(value, kind):
            raise UsageError(
                f"source: {where}: needs {name!r}, a {'text' if kind is str else 'list of texts'}"
            )
        if isinstance(value, list) and not all(isinstance(item, str) and item for item in value):
            raise UsageError(f"source: {where}: {name!r} is no list of texts")
    return row


def text_list(value: Any) -> list[str]:
    """The texts of a list, or of a Python-style list in a text (as data sets of paraphrases have it)."""
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return []
    return [item for item in value if isinstance(item, str) and item] if isinstance(value, list) else []
