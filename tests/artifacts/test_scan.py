"""scan says in one opening what kind_of, read_manifest and read_columns say in three."""

from dataclasses import replace

import numpy as np
import pytest

from pbench.artifacts import read_columns, read_manifest, scan, write_artifact
from pbench.artifacts.parquet import _WHOLE_BYTES
from pbench.errors import ArtifactError
from tests.artifacts.conftest import make_generation, make_score

COLUMNS = ("task", "scores", "index")


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_the_same_as_one_by_one(tmp_path, ending):
    path = write_artifact(
        tmp_path / f"a.{ending}", "scores", list(map(make_score, range(300))), {"status": "x"}
    )
    manifest, table = scan(path, "scores", COLUMNS)
    assert manifest == read_manifest(path)
    assert table.equals(read_columns(path, "scores", COLUMNS))
    assert table.column_names == list(COLUMNS)


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_another_kind_has_no_columns(tmp_path, ending):
    path = write_artifact(tmp_path / f"a.{ending}", "generations", [make_generation(0)], {})
    manifest, table = scan(path, "scores", COLUMNS)
    assert (manifest["kind"], table) == ("generations", None)


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
