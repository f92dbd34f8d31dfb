from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pytest

from pbench.artifacts.schemas import KINDS, SCHEMA_VERSION, column_names, schema
from pbench.records import Generation, Sample, Score

PAGE = Path(__file__).parents[2] / "docs" / "artifacts.md"


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_names_each_column_in_order(kind: str) -> None:
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {kind}")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (.+?) \|", section, flags=re.MULTILINE)[1:]
    documented = [name for cell in cells for name in cell.split(", ")]
    assert tuple(documented) == column_names(kind)


def test_the_page_names_the_schema_version() -> None:
    assert f"version of the columns, {SCHEMA_VERSION} now" in PAGE.read_text(encoding="utf-8")


def test_every_field_of_a_record_is_a_column() -> None:
    def names(record: type) -> set[str]:
        return {field.name for field in fields(record)}

    assert names(Sample) == set(column_names("samples"))
    carried = names(Sample) - {"output_format"}
    assert (names(Generation) - {"sample"}) | carried == set(column_names("generations"))
    assert (names(Score) - {"values"}) | {"scores"} == set(column_names("scores"))


@pytest.mark.parametrize(("version", "columns"), [(1, [11, 30, 18]), (2, [11, 32, 18])])
def test_a_changed_column_asks_for_a_new_schema_version(version: int, columns: list[int]) -> None:
    """The columns of each version, for good: readers in the field know them by it."""
    assert SCHEMA_VERSION == 2
    assert [len(schema(kind, version)) for kind in KINDS] == columns
    added = set(column_names("generations", version)) - set(column_names("generations", 1))
    assert added == ({"nfe_gap", "gap"} if version > 1 else set())
    event = schema("generations").field("trace").type.value_type
    assert (
        str(event)
        == "struct<step: int32, position: int32, token_id: int32, confidence: float, event: string>"
    )
    assert schema("generations").field("usage").type == pa.map_(pa.string(), pa.int64())
    assert schema("scores").field("scores").type == pa.map_(pa.string(), pa.float64())
