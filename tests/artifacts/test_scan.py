"""scan says in one opening what kind_of, read_manifest and read_columns say in three."""

import pytest

from pbench.artifacts import (
    SCHEMA_VERSION,
    manifest,
    parquet,
    read_columns,
    read_manifest,
    scan,
    write_artifact,
)
from pbench.artifacts.sheet import COLUMNS, PER_ROW, sheet_of
from pbench.errors import ArtifactError
from tests.artifacts.conftest import MAKERS, make_score


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_the_same_as_one_by_one(tmp_path, ending):
    rows = list(map(make_score, range(300)))
    path = write_artifact(tmp_path / f"a.{ending}", "scores", rows, {"status": "x"})
    told, sheet = scan(path)
    assert told == read_manifest(path)
    expected = sheet_of(read_columns(path, "scores", COLUMNS))
    assert sheet.tasks == expected.tasks
    for name in PER_ROW:
        assert getattr(sheet, name).tobytes() == getattr(expected, name).tobytes()


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
@pytest.mark.parametrize("kind", ["samples", "generations"])
def test_of_another_kind_only_its_name(tmp_path, kind, ending):
    path = write_artifact(tmp_path / f"a.{ending}", kind, [MAKERS[kind](0)], {"x": '{"kind":"scores",'})
    assert scan(path) == kind


def test_no_artifact(tmp_path):
    (tmp_path / "a.jsonl").write_text("{}\n")
    assert scan(tmp_path / "a.jsonl") is None
    assert scan(tmp_path / "absent") is None


def test_a_damaged_jsonl_file_is_an_error(tmp_path):
    path = write_artifact(tmp_path / "a.jsonl", "scores", [make_score(0)], {})
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6"))
    with pytest.raises(ArtifactError, match=r"a\.jsonl"):
        scan(path)


def test_a_damaged_footer_of_another_kind_is_an_error(tmp_path):
    path = write_artifact(tmp_path / "a.parquet", "generations", [MAKERS["generations"](0)], {"seed": 1})
    whole = path.read_bytes()
    for damaged in (whole.replace(b'"seed":1', b'"seed":2'), whole[:-9], whole[:7], whole[:4] + whole[-8:]):
        path.write_bytes(damaged)
        assert parquet._glance(path) is None
        with pytest.raises(ArtifactError, match=r"a\.parquet"):
            scan(path)


def test_a_newer_schema_of_another_kind_is_an_error(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(manifest, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
        path = write_artifact(tmp_path / "a.parquet", "samples", [MAKERS["samples"](0)], {})
    with pytest.raises(ArtifactError, match="written by a newer pbench"):
        scan(path)


def test_a_newer_schema_is_not_taken_for_that_of_the_file_it_was_made_from(tmp_path, monkeypatch):
    """Newer scores of generations that this version could read: the manifest of those stands inside."""
    made_from = read_manifest(write_artifact(tmp_path / "g.parquet", "generations", [], {}))
    with monkeypatch.context() as patch:
        patch.setattr(manifest, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
        path = write_artifact(tmp_path / "a.parquet", "scores", [make_score(0)], {"run": made_from})
    with pytest.raises(ArtifactError, match=r"a\.parquet: written by a newer pbench"):
        scan(path)
