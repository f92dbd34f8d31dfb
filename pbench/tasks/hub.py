"""Rows of a data set on the Hugging Face hub; needs the extra `hub` and the network (or its cache)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pbench.errors import UsageError
from pbench.tasks.sources import text_list

if TYPE_CHECKING:
    from pbench.tasks.sources import Needs, Row, Source

__all__ = ["hub_rows"]


def hub_rows(source: Source, needs: Needs) -> tuple[Row, ...]:
    """The first `max_rows` rows with all columns filled whose texts pass the grammar checker.

    A dialogue itself is not checked: chats are as they are. Raises UsageError that says what to
    do without the extra, the network, or the columns.
    """
    columns = tuple(source.columns.get(name, name) for name, _ in needs)
    data = _fetch(source.hub or "", source.subset, source.split, source.revision, source.max_rows, columns)
    rows = (dict(zip((name for name, _ in needs), values, strict=True)) for values in data)
    return tuple(_grammatical([row for row in map(_converted, rows) if all(row.values())]))


def _converted(row: Row) -> Row:
    """Python-style lists in a text (as paraphrases come) become lists."""
    return {name: text_list(value) if name == "paraphrases" else value for name, value in row.items()}


def _grammatical(rows: list[Row]) -> list[Row]:
    from pbench.grammar import open_checker

    texts = [row.get("text") or row.get("summary") or row["sentence"] for row in rows]
    findings = open_checker("harper").check(texts)
    return [row for row, found in zip(rows, findings, strict=True) if not found]


@cache
def _fetch(
    hub: str, subset: str | None, split: str, revision: str | None, max_rows: int, columns: tuple[str, ...]
) -> tuple[tuple[Any, ...], ...]:
    try:
        from datasets import load_dataset
    except ImportError:
        raise UsageError(
            f"source: {hub} needs the package datasets: pip install 'pbench[hub]', or use source: bundled"
        ) from None
    try:
        data = load_dataset(hub, subset, split=split, revision=revision)
    except Exception as error:  # the library raises whatever its many back ends raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(
            f"source: {hub} ({split}) cannot be fetched: {reason};"
            " connect to the network, put the data set into the cache of datasets, or use source: bundled"
        ) from None
    missing = sorted(set(columns) - set(data.column_names))
    if missing:
        raise UsageError(f"source: {hub} has no column {missing[0]!r}; it has {', '.join(data.column_names)}")
    data = data.select(range(min(max_rows, len(data))))
    return tuple(zip(*(data[column] for column in columns), strict=True))
