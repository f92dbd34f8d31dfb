from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from pbench.artifacts import SCHEMA_VERSION, file_hash, read_columns, read_manifest, read_rows, write_artifact
from pbench.artifacts.jsonl import manifest_path
from pbench.artifacts.schemas import KINDS, column_names
from pbench.errors import ArtifactError
from tests.artifacts.conftest import MAKERS, make_generation, make_sample


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    rows = [make_sample(index) for index in range(3)]
    return write_artifact(tmp_path / "s.jsonl", "samples", rows, {"task": "lists/copy"})


@pytest.mark.parametrize("kind", KINDS)
def test_each_line_is_an_object_of_the_same_columns(kind, tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "a.jsonl", kind, [MAKERS[kind](i) for i in range(2)], {})
    lines = path.read_text().splitlines()
    assert [list(json.loads(line)) for line in lines] == [list(column_names(kind))] * 2


def test_nested_columns_as_a_reader_of_json_sees_them(tmp_path: Path) -> None:
    made = make_generation(0, usage={"input_tokens": 3})
    row = json.loads(write_artifact(tmp_path / "a.jsonl", "generations", [made], {}).read_text())
    assert row["answer"] == '["a","b0"]'
    assert row["usage"] == {"input_tokens": 3}
    assert row["trace"][0] == {"step": 1, "position": 0, "token_id": 7, "confidence": None, "event": "commit"}


def test_the_manifest_beside_holds_what_finds_damage(artifact: Path) -> None:
    beside = json.loads((artifact.parent / "s.jsonl.manifest.json").read_text())
    assert beside["rows"] == 3
    assert beside["sha256"] == file_hash(artifact)
    assert "sha256" not in read_manifest(artifact)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda _: b"", lambda b: b.replace(b"b1", b"b2"), lambda b: b + b]
)
def test_damaged_rows_are_an_error_before_the_first_row(damage, artifact: Path) -> None:
    artifact.write_bytes(damage(artifact.read_bytes()))
    with pytest.raises(ArtifactError, match="not the rows of its manifest"):
        next(read_rows(artifact, "samples"))
    with pytest.raises(ArtifactError, match="not the rows of its manifest"):
        read_columns(artifact, "samples", ["task"])


def test_a_damaged_manifest_is_an_error_at_every_byte_that_carries_meaning(artifact: Path) -> None:
    beside = manifest_path(artifact)
    sound, known = beside.read_bytes(), read_manifest(artifact)
    for offset in range(len(sound)):
        damaged = bytearray(sound)
        damaged[offset] ^= 1 << (offset % 5)
        beside.write_bytes(damaged)
        try:
            found = read_manifest(artifact)
        except ArtifactError as error:
            found = known if "s.jsonl" in str(error) else error
        assert found == known  # it may only have been white space


def test_an_edited_manifest_is_an_error(artifact: Path) -> None:
    beside = manifest_path(artifact)
    beside.write_text(beside.read_text().replace("lists/copy", "lists/sort"))
    with pytest.raises(ArtifactError, match=r"s\.jsonl\.manifest\.json: damaged or edited"):
        read_manifest(artifact)


def test_without_a_manifest_it_is_no_finished_artifact(artifact: Path) -> None:
    manifest_path(artifact).unlink()
    with pytest.raises(ArtifactError, match="has no manifest beside it"):
        read_rows(artifact, "samples")


def test_without_the_rows_it_is_missing(artifact: Path) -> None:
    artifact.unlink()
    with pytest.raises(ArtifactError, match="there is no such file"):
        read_manifest(artifact)


def test_a_journal_says_how_to_finish_the_run(tmp_path: Path) -> None:
    path = tmp_path / "run.journal.jsonl"
    path.write_text("{}\n")
    with pytest.raises(ArtifactError, match="the journal of an unfinished run"):
        read_manifest(path)


def test_a_newer_schema_asks_for_an_update(artifact: Path) -> None:
    beside = manifest_path(artifact)
    manifest = json.loads(beside.read_text()) | {"schema_version": SCHEMA_VERSION + 1}
    beside.write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="written by a newer pbench"):
        read_manifest(artifact)


def reseal(path: Path, rows: bytes) -> None:
    """What a program that knows our hashes, but not our columns, would write."""
    from pbench.artifacts.manifest import to_bytes

    path.write_bytes(rows)
    manifest = json.loads(manifest_path(path).read_text())
    del manifest["manifest_sha256"]
    manifest["sha256"] = hashlib.sha256(rows).hexdigest()
    manifest["manifest_sha256"] = hashlib.sha256(to_bytes(manifest)).hexdigest()
    manifest_path(path).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (b"nonsense\n", "not JSON"),
        (b"[]\n", "it has no sample_id"),
        (b'{"sample_id": "a"}\n', "it has no task"),
    ],
)
def test_rows_that_are_none_are_errors_with_their_line(rows: bytes, message: str, artifact: Path) -> None:
    first = artifact.read_bytes().splitlines(keepends=True)[0]
    reseal(artifact, first + rows)
    with pytest.raises(ArtifactError, match=rf"s\.jsonl:2: .*{message}"):
        list(read_rows(artifact, "samples"))


def test_values_of_another_type_are_errors(artifact: Path) -> None:
    reseal(
        artifact, artifact.read_bytes().replace(b'"index":1', b'"index":"x"').replace(b'"[\\"a', b'"[\\"a\\"')
    )
    with pytest.raises(ArtifactError, match=r"s\.jsonl:1: not a row of samples"):
        list(read_rows(artifact, "samples"))
    with pytest.raises(ArtifactError, match="values that are none of samples"):
        read_columns(artifact, "samples", ["index"])


def test_the_pair_can_move_but_not_under_another_name(artifact: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for path in (artifact, manifest_path(artifact)):
        shutil.move(path, folder / path.name)
    assert len(list(read_rows(folder / "s.jsonl", "samples"))) == 3
