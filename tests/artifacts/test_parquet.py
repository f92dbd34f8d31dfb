from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pbench.artifacts import SCHEMA_VERSION, parquet, read_columns, read_manifest, read_rows, write_artifact
from pbench.artifacts import manifest as manifests
from pbench.artifacts.schemas import KINDS, column_names, schema
from pbench.errors import ArtifactError
from tests.artifacts.conftest import MAKERS, make_generation, make_sample


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    rows = [make_generation(index) for index in range(3)]
    return write_artifact(tmp_path / "run.parquet", "generations", rows, {"seed": 1})


def rows_or_error(path: Path) -> list | None:
    try:
        return list(read_rows(path, "generations"))
    except ArtifactError as error:
        return None if str(path) in str(error) else [error]


def test_a_flipped_bit_is_an_error_wherever_it_is(artifact: Path) -> None:
    sound = artifact.read_bytes()
    step = max(1, len(sound) // 500)
    for offset in {*range(0, len(sound), step), *range(len(sound) - 12, len(sound))}:
        flipped = bytearray(sound)
        flipped[offset] ^= 1 << (offset % 8)
        artifact.write_bytes(flipped)
        assert rows_or_error(artifact) is None, offset


def test_a_truncated_file_is_an_error_at_every_length(artifact: Path) -> None:
    sound = artifact.read_bytes()
    for length in [*range(0, len(sound), 97), 1, 4, 8, 12, len(sound) - 1, len(sound) - 8]:
        artifact.write_bytes(sound[:length])
        assert rows_or_error(artifact) is None, length


def test_bytes_added_or_taken_out_are_an_error(artifact: Path) -> None:
    sound = artifact.read_bytes()
    middle = len(sound) // 2
    for damaged in (
        sound + b"\0",
        sound + sound,
        sound[:middle] + b"x" + sound[middle:],
        sound[:4] + sound[5:],
    ):
        artifact.write_bytes(damaged)
        assert rows_or_error(artifact) is None


def test_flips_in_the_footer_are_seen_by_read_manifest(artifact: Path) -> None:
    sound = artifact.read_bytes()
    at = sound.index(b'"seed":1') + len('"seed":')
    artifact.write_bytes(sound[:at] + b"3" + sound[at + 1 :])
    with pytest.raises(ArtifactError, match="its footer is not the one that was written"):
        read_manifest(artifact)


def test_flips_in_the_rows_are_seen_by_read_columns_of_other_columns(artifact: Path) -> None:
    damaged = bytearray(artifact.read_bytes())
    damaged[40] ^= 1
    artifact.write_bytes(damaged)
    assert read_manifest(artifact)["seed"] == 1
    with pytest.raises(ArtifactError, match="its rows are not those that were written"):
        read_columns(artifact, "generations", ["usage"])


def test_other_readers_find_page_checksums(artifact: Path) -> None:
    metadata = pq.ParquetFile(artifact).metadata
    column = next(c for i in range(99) if (c := metadata.row_group(0).column(i)).path_in_schema == "answer")
    damaged = bytearray(artifact.read_bytes())
    start = column.dictionary_page_offset or column.data_page_offset
    damaged[start + column.total_compressed_size - 1] ^= 1
    artifact.write_bytes(damaged)
    with pytest.raises(OSError, match=r"(?i)crc|checksum"):
        pq.read_table(artifact, columns=["answer"], page_checksum_verification=True)


@pytest.mark.parametrize("kind", KINDS)
def test_other_readers_read_the_file(kind, tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "a.parquet", kind, [MAKERS[kind](7)], {"x": 1})
    table = pq.read_table(path, page_checksum_verification=True)
    assert table.column_names == list(column_names(kind))
    assert table["sample_id"].to_pylist() == ["lists/copy/7"]
    assert orjson.loads(pq.read_metadata(path).metadata[b"pbench"])["x"] == 1


def test_a_foreign_parquet_file_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(ArtifactError, match="a Parquet file, but none of pbench"):
        read_manifest(path)


@pytest.mark.parametrize("content", [b"hello", b"PK\x03\x04" + bytes(100), b'{"a": 1}\n'])
def test_what_is_not_parquet_is_named_as_such(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match="is not a Parquet file"):
        read_rows(path, "samples")


def with_manifest(path: Path, **changes: object) -> None:
    """Another writer's file: our columns and a manifest, but no seal."""
    manifest = {"schema_version": SCHEMA_VERSION, "kind": "samples", "pbench_version": "9.9", "rows": 0}
    table = schema("samples").empty_table()
    pq.write_table(table.replace_schema_metadata({"pbench": orjson.dumps(manifest | changes)}), path)


def test_a_newer_schema_asks_for_an_update(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with_manifest(path, schema_version=SCHEMA_VERSION + 1)
    with pytest.raises(ArtifactError, match=r"written by a newer pbench \(9\.9, schema 3"):
        read_rows(path, "samples")


@pytest.mark.parametrize("changes", [{"kind": "runs"}, {"schema_version": "1"}, {"rows": None}])
def test_a_manifest_of_no_known_schema_is_an_error(changes: dict, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with_manifest(path, **changes)
    with pytest.raises(ArtifactError, match="no pbench manifest of schema 1"):
        read_manifest(path)


def test_a_file_rewritten_by_another_program_is_refused(artifact: Path) -> None:
    table = pq.read_table(artifact)
    assert b"pbench" in table.schema.metadata
    pq.write_table(table, artifact)
    with pytest.raises(ArtifactError, match="rewritten by another program"):
        read_manifest(artifact)


def test_other_columns_than_the_schema_has_are_an_error(tmp_path: Path, monkeypatch) -> None:
    from pbench.artifacts import parquet

    path = write_artifact(tmp_path / "a.parquet", "samples", [make_sample(0)], {})
    narrow = pa.schema([field for field in schema("samples") if field.name != "metadata"])
    monkeypatch.setattr(parquet, "schema", lambda *_: narrow)
    with pytest.raises(ArtifactError, match="its columns or its number of rows"):
        list(read_rows(path, "samples"))


def test_a_wrong_row_count_in_the_manifest_is_an_error(tmp_path: Path, monkeypatch) -> None:
    from pbench.artifacts import manifest

    monkeypatch.setattr(
        manifest, "complete", lambda told, kind, rows: {**told, "kind": kind, "rows": rows + 1}
    )
    path = write_artifact(tmp_path / "a.parquet", "samples", [make_sample(0)], {"schema_version": 1})
    with pytest.raises(ArtifactError, match="its number of rows"):
        list(read_rows(path, "samples"))


def test_a_crafted_footer_does_not_crash_the_reader(artifact: Path) -> None:
    """Without a seal the footer is parsed before anything vouches for it."""
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), artifact)
    sound = artifact.read_bytes()
    start = len(sound) - 8 - int.from_bytes(sound[-8:-4], "little")
    for offset in range(start, len(sound), 3):
        damaged = bytearray(sound)
        damaged[offset] ^= 0x55
        artifact.write_bytes(damaged)
        with pytest.raises(ArtifactError):
            read_manifest(artifact)


def test_a_long_name_is_no_trouble(tmp_path: Path) -> None:
    name = base64.b32encode(b"x" * 150).decode().rstrip("=")[:240] + ".parquet"
    path = write_artifact(tmp_path / name, "samples", [make_sample(0)], {})
    assert len(list(read_rows(path, "samples"))) == 1


def test_a_file_of_version_1_is_read_with_nulls_for_what_came_later(tmp_path, monkeypatch):
    """The file is written as that version wrote it: its columns, its version in the manifest."""
    rows = [make_generation(0), make_generation(1)]
    with monkeypatch.context() as old:
        old.setattr(parquet, "schema", lambda kind: schema(kind, 1))
        old.setattr(manifests, "SCHEMA_VERSION", 1)
        path = write_artifact(tmp_path / "old.parquet", "generations", rows, {})
    assert read_manifest(path)["schema_version"] == 1
    assert "gap" not in pq.read_schema(path).names
    assert [row.gap for row in read_rows(path, "generations")] == [None, None]
    assert [row.output_text for row in read_rows(path, "generations")] == ["['a']"] * 2
    table = read_columns(path, "generations", ["gap", "sample_id", "nfe_gap"])
    assert table.schema == pa.schema(
        [schema("generations").field(n) for n in ("gap", "sample_id", "nfe_gap")]
    )
    assert table["nfe_gap"].to_pylist() == [None, None]


def test_bits_come_back_as_float32_has_them(tmp_path):
    row = make_generation(0, gap=(0.1, None), nfe_gap=1)
    for name in ("a.parquet", "a.jsonl"):
        path = write_artifact(tmp_path / name, "generations", [row], {})
        (found,) = read_rows(path, "generations")
        assert (found.gap, found.nfe_gap) == ((float(np.float32(0.1)), None), 1)
