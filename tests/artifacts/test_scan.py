"""scan says in one opening what kind_of, read_manifest and read_columns say in three."""

import pytest

from pbench.artifacts import read_columns, read_manifest, scan, write_artifact
from pbench.artifacts.sheet import COLUMNS, PER_ROW, sheet_of
from pbench.errors import ArtifactError
from tests.artifacts.conftest import make_generation, make_score


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_the_same_as_one_by_one(tmp_path, ending):
    rows = list(map(make_score, range(300)))
    path = write_artifact(tmp_path / f"a.{ending}", "scores", rows, {"status": "x"})
    manifest, sheet = scan(path)
    assert manifest == read_manifest(path)
    expected = sheet_of(read_columns(path, "scores", COLUMNS))
    assert sheet.tasks == expected.tasks
    for name in PER_ROW:
        assert getattr(sheet, name).tobytes() == getattr(expected, name).tobytes()


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_another_kind_has_no_sheet(tmp_path, ending):
    path = write_artifact(tmp_path / f"a.{ending}", "generations", [make_generation(0)], {})
    found = scan(path)
    assert (found.manifest["kind"], found.sheet) == ("generations", None)


def test_no_artifact(tmp_path):
    (tmp_path / "a.jsonl").write_text("{}\n")
    assert scan(tmp_path / "a.jsonl") is None
    assert scan(tmp_path / "absent") is None


def test_a_damaged_jsonl_file_is_an_error(tmp_path):
    path = write_artifact(tmp_path / "a.jsonl", "scores", [make_score(0)], {})
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6"))
    with pytest.raises(ArtifactError, match=r"a\.jsonl"):
        scan(path)
