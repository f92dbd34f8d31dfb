"""What a report reads of a score file stands in it twice, and is the same both times."""

import math
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbench.artifacts import parquet, read_rows, scan, sheet_block, write_artifact
from pbench.artifacts.sheet import PER_ROW, STATUSES
from pbench.errors import ArtifactError
from tests.artifacts.conftest import MAKERS, make_score, python
from tests.artifacts.strategies import int64, maybe_int, real, status, text

number = st.none() | st.sampled_from([0.0, 1.0, -0.0, 0.1, math.nan, math.inf]) | real
rows = st.lists(
    st.builds(
        replace,
        st.just(make_score(0)),
        task=st.sampled_from(["lists/copy", "lists/ü\0", ""]) | text,
        index=st.integers(0, 300) | int64,
        status=status,
        headline=st.sampled_from(["score", "other", "absent"]),
        values=st.dictionaries(st.sampled_from(["score", "other"]), number),
        seconds=number,
        **{name: st.integers(0, 70_000) | maybe_int for name in ("nfe", "gen_length", "content_length")},
    ),
    max_size=5,
)


def assert_same(found, expected):
    """Manifests and rows, to the last bit and with the types of the columns."""
    assert found.manifest == expected.manifest
    assert found.sheet.tasks == expected.sheet.tasks
    for name in PER_ROW:
        a, b = getattr(found.sheet, name), getattr(expected.sheet, name)
        assert (a.dtype, a.tobytes()) == (b.dtype, b.tobytes()), name


def without_block(patch):
    """As an older pbench writes."""
    patch.setattr(sheet_block, "to_bytes", lambda *_: b"")


@settings(max_examples=40)
@given(rows=rows, told=text)
def test_the_block_is_what_the_pages_say(tmp_path_factory, rows, told):
    path = tmp_path_factory.getbasetemp() / "block.scores.parquet"
    write_artifact(path, "scores", rows, {"told": told})
    found = parquet._glance(path)
    assert_same(found, parquet._scan(path))
    assert found.manifest["told"] == told
    for i, row in enumerate(read_rows(path, "scores")):
        assert found.sheet.tasks[found.sheet.task[i]] == row.task
        assert found.sheet.index[i] == row.index
        assert found.sheet.error[i] == (row.status == "error")
        assert STATUSES[found.sheet.status[i]] == row.status
        expected = {"value": row.values.get(row.headline), "combined": row.values.get("score")}
        for name in ("nfe", "gen_length", "content_length", "seconds"):
            expected[name] = getattr(row, name)
        for name, value in expected.items():
            got = getattr(found.sheet, name)[i]
            assert math.isnan(got) if value is None else got == float(value), name


def test_several_row_groups_and_tasks(tmp_path):
    scores = [replace(make_score(i), task=f"lists/{i % 3 if i > 400 else i % 2}", nfe=i) for i in range(700)]
    path = write_artifact(tmp_path / "a.parquet", "scores", scores, {})
    found = parquet._glance(path)
    assert_same(found, parquet._scan(path))
    assert found.sheet.tasks == ("lists/0", "lists/1", "lists/2")
    assert found.sheet.nfe.tolist() == list(range(700))


def test_every_changed_byte_is_an_error(tmp_path):
    path = write_artifact(tmp_path / "a.parquet", "scores", [make_score(0)], {})
    whole = path.read_bytes()
    mark = whole.index(sheet_block._MARK)
    asked = {*range(0, len(whole), 31), *range(mark - 200, mark + 16, 3)}
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert parquet._glance(path) is None
        if place in asked:
            with pytest.raises(ArtifactError, match=r"a\.parquet"):
                scan(path)
    for length in (0, 1, 7, 8, 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert parquet._glance(path) is None
    path.unlink()
    assert parquet._glance(path) is None


def test_a_file_without_a_block_reads_the_same(tmp_path, monkeypatch):
    scores = [make_score(i) for i in range(3)]
    new = write_artifact(tmp_path / "new.parquet", "scores", scores, {})
    with monkeypatch.context() as patch:
        without_block(patch)
        old = write_artifact(tmp_path / "old.parquet", "scores", scores, {})
    assert parquet._glance(old) is None
    assert_same(scan(old), scan(new))
    assert old.stat().st_size < new.stat().st_size
    assert pq.read_table(old).equals(pq.read_table(new))


def test_a_block_of_another_form_is_passed_over(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sheet_block, "_MARK", b"pbsheet\0 in 2030")
        path = write_artifact(tmp_path / "a.parquet", "scores", [make_score(0)], {})
        expected = parquet._glance(path)
    assert parquet._glance(path) is None
    assert_same(scan(path), expected)


def test_a_large_file_is_read_by_its_pages(tmp_path):
    noise = np.random.default_rng(0)
    scores = [replace(make_score(i), output_text=noise.bytes(5_000).hex()) for i in range(300)]
    path = write_artifact(tmp_path / "a.parquet", "scores", scores, {})
    assert path.stat().st_size > parquet._WHOLE_BYTES
    assert parquet._glance(path) is None
    assert scan(path).sheet.index.tolist() == list(range(300))
    whole = path.read_bytes()
    for place in (10, len(whole) // 2, len(whole) - 20):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ArtifactError, match=r"a\.parquet"):
            scan(path)


@pytest.mark.parametrize(("kind", "blocks"), [("samples", 0), ("generations", 0), ("scores", 1)])
def test_scores_alone_have_one(tmp_path, kind, blocks):
    path = write_artifact(tmp_path / "a.parquet", kind, [MAKERS[kind](0)], {})
    assert path.read_bytes().count(sheet_block._MARK) == blocks


def test_the_form_is_the_one_that_files_have(tmp_path):
    """If this fails, files that were written before would be misread: count up `_FORM`."""
    scores = [
        replace(make_score(300), nfe=5, gen_length=8, seconds=0.1, values={"score": None, "a": 0.5}),
        replace(make_score(1), task="b", status="error", headline="a", values={"score": 1.0, "a": 0.3}),
    ]
    nan = math.nan
    path = write_artifact(tmp_path / "a.parquet", "scores", scores, {})
    data = path.read_bytes()
    end = data.index(sheet_block._MARK) + len(sheet_block._MARK)
    start = data.index(b'{"rows":2,') - 72
    header, _, place = data[start + 72 : end - 20].partition(b'"manifest":[')
    assert header == (
        b'{"rows":2,"tasks":["lists/copy","b"],'
        b'"types":["|u1","<u2","|i1","<f8","<f4","<f4","<f4","<f4","<f8"],'
    )
    columns = [
        np.array(column, kind).tobytes()
        for column, kind in (
            ([0, 1], "|u1"),  # task
            ([300, 1], "<u2"),  # index
            ([0, 4], "|i1"),  # status
            ([nan, 0.3], "<f8"),  # value
            ([nan, 1.0], "<f4"),  # combined
            ([5, nan], "<f4"),  # nfe
            ([8, nan], "<f4"),  # gen_length
            ([nan, nan], "<f4"),  # content_length
            ([0.1, nan], "<f8"),  # seconds
        )
    ]
    assert data[start : start + 72] == b"".join(columns)
    footer = end + parquet._SEAL_BYTES
    at, length = map(int, place.rstrip(b"]}").split(b","))
    assert data[footer + at : footer + at + length].startswith(b'{"schema_version":2,"kind":"scores"')


def test_a_report_reads_scores_without_pyarrow(tmp_path):
    path = write_artifact(tmp_path / "a.parquet", "scores", [make_score(0)], {})
    program = (
        "import sys; from pathlib import Path; from pbench.artifacts import scan\n"
        "assert scan(Path(sys.argv[1])).sheet.index.tolist() == [0]\n"
        "sys.exit('pyarrow' in sys.modules)"
    )
    process = python(program, path)
    assert process.wait(300) == 0
