"""scan says in one opening what kind_of, read_manifest and read_columns say in three."""

from dataclasses import replace

import numpy as np
import pytest

from pbench.artifacts import read_columns, read_manifest, scan, verified_seal, write_artifact
from pbench.artifacts.parquet import _WHOLE_BYTES
from pbench.errors import ArtifactError
from tests.artifacts.conftest import make_generation, make_score

COLUMNS = ("task", "scores", "index")


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_the_same_as_one_by_one(tmp_path, ending):
    path = write_artifact(
        tmp_path / f"a.{ending}", "scores", list(map(make_score, range(300))), {"status": "x"}
    )
    manifest, table, seal = scan(path, "scores", COLUMNS)
    assert seal == verified_seal(path)
    assert (seal is None) == (ending == "jsonl")
    assert manifest == read_manifest(path)
    assert table.equals(read_columns(path, "scores", COLUMNS))
    assert table.column_names == list(COLUMNS)


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_another_kind_has_no_columns(tmp_path, ending):
    path = write_artifact(tmp_path / f"a.{ending}", "generations", [make_generation(0)], {})
    found = scan(path, "scores", COLUMNS)
    assert (found.manifest["kind"], found.columns, found.seal) == ("generations", None, None)


def test_no_artifact(tmp_path):
    (tmp_path / "a.jsonl").write_text("{}\n")
    assert scan(tmp_path / "a.jsonl", "scores", COLUMNS) is None
    assert scan(tmp_path / "absent", "scores", COLUMNS) is None


@pytest.mark.parametrize("rows", [1, 300])  # read at once, and piece by piece
def test_every_changed_byte_is_found(tmp_path, rows):
    noise = np.random.default_rng(0)
    scores = [replace(make_score(i), output_text=noise.bytes(5_000).hex()) for i in range(rows)]
    path = write_artifact(tmp_path / "a.parquet", "scores", scores, {})
    whole = path.read_bytes()
    assert (len(whole) > _WHOLE_BYTES) == (rows > 1)
    for place in (10, len(whole) // 2, len(whole) - 20):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ArtifactError, match=r"a\.parquet"):
            scan(path, "scores", COLUMNS)


def test_a_seal_stands_for_every_byte(tmp_path):
    path = write_artifact(tmp_path / "a.parquet", "scores", [make_score(0)], {})
    seal, whole = verified_seal(path), path.read_bytes()
    assert len(seal) == 64
    write_artifact(tmp_path / "b.parquet", "scores", [make_score(0)], {})
    assert verified_seal(tmp_path / "b.parquet") == seal
    write_artifact(tmp_path / "b.parquet", "scores", [make_score(1)], {})
    assert verified_seal(tmp_path / "b.parquet") not in (None, seal)
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert verified_seal(path) is None
    for length in (0, 3, 8, 80, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert verified_seal(path) is None


def test_no_seal_of_large_files_and_of_none(tmp_path):
    noise = np.random.default_rng(0)
    scores = [replace(make_score(i), output_text=noise.bytes(5_000).hex()) for i in range(300)]
    path = write_artifact(tmp_path / "a.parquet", "scores", scores, {})
    assert path.stat().st_size > _WHOLE_BYTES
    assert verified_seal(path) is None
    assert verified_seal(tmp_path / "absent") is None
