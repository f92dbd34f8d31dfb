from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbench import __version__
from pbench.artifacts import (
    SCHEMA_VERSION,
    kind_of,
    read_answers,
    read_batches,
    read_columns,
    read_manifest,
    read_rows,
    samples_hash,
    write_artifact,
)
from pbench.artifacts.schemas import KINDS, column_names
from pbench.errors import ArtifactError, UsageError
from pbench.records import Generation, Sample
from tests.artifacts.conftest import MAKERS, make_generation, make_sample, make_score
from tests.artifacts.strategies import records

ENDINGS = ("parquet", "jsonl")
forms = pytest.mark.parametrize("ending", ENDINGS)
kinds = pytest.mark.parametrize("kind", KINDS)


def exact(record: object) -> str:
    """A form in which 1, 1.0 and True differ, and the order of mappings does not matter."""
    sample = record.sample if isinstance(record, Generation) else record
    if not isinstance(sample, Sample):
        return ""
    return json.dumps([sample.answer, sample.metadata], sort_keys=True)


@kinds
@settings(max_examples=25)
@given(data=st.data())
def test_what_was_written_is_read_in_both_forms_and_by_columns(
    kind: str, tmp_path: Path, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(records[kind], max_size=3))
    columns = data.draw(st.lists(st.sampled_from(column_names(kind)), unique=True, min_size=1))
    tables = []
    for ending in ENDINGS:
        path = write_artifact(tmp_path / f"a.{ending}", kind, rows, {})
        found = list(read_rows(path, kind))
        assert found == rows
        assert list(map(exact, found)) == list(map(exact, rows))
        tables.append(read_columns(path, kind, columns))
        pieces = [row for batch in read_batches(path, kind, columns) for row in batch.to_pylist()]
        assert pieces == tables[-1].to_pylist()
    assert tables[0].column_names == columns
    assert tables[0].equals(tables[1])


@settings(max_examples=15)
@given(rows=st.lists(records["generations"], max_size=3))
def test_answers_lack_prompts_ids_and_traces_alone(tmp_path: Path, rows: list[Generation]) -> None:
    nothing = {"output_ids": None, "commit_step": None, "trace": None}
    for ending in ENDINGS:
        path = write_artifact(tmp_path / f"a.{ending}", "generations", rows, {})
        whole = read_rows(path, "generations")
        expected = [replace(each, sample=replace(each.sample, messages=()), **nothing) for each in whole]
        assert list(read_answers(path)) == expected


@forms
def test_rows_of_several_row_groups_keep_their_order(ending: str, tmp_path: Path) -> None:
    path = write_artifact(tmp_path / f"a.{ending}", "samples", map(make_sample, range(600)), {})
    assert [sample.index for sample in read_rows(path, "samples")] == list(range(600))
    assert read_manifest(path)["rows"] == 600


@forms
@kinds
def test_equal_input_gives_equal_bytes(kind: str, ending: str, tmp_path: Path) -> None:
    rows = [MAKERS[kind](index) for index in range(300)]
    first = write_artifact(tmp_path / f"a.{ending}", kind, rows, {"task": "x"}).read_bytes()
    again = write_artifact(tmp_path / f"b.{ending}", kind, iter(rows), {"task": "x"}).read_bytes()
    assert first == again


@forms
def test_manifest_says_what_it_was_told_and_what_every_manifest_says(ending: str, tmp_path: Path) -> None:
    told = {"task": "a/b", "nested": {"x": [1, None, 0.5]}, "kind": "lies", "command": ["x\udce9"]}
    path = write_artifact(tmp_path / f"a.{ending}", "scores", [make_score(0)], told)
    assert read_manifest(path) == {
        "schema_version": SCHEMA_VERSION,
        "kind": "scores",
        "pbench_version": __version__,
        "rows": 1,
        "task": "a/b",
        "nested": {"x": [1, None, 0.5]},
        "command": ["x\ufffd"],
    }


@forms
def test_nan_in_a_manifest_is_refused_and_nothing_is_left(ending: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nan"):
        write_artifact(tmp_path / f"a.{ending}", "samples", [], {"gamma": math.nan})
    assert os.listdir(tmp_path) == []


@forms
def test_lone_surrogates_become_replacement_characters(ending: str, tmp_path: Path) -> None:
    sample = replace(make_sample(0), answer={"\ud800": ["a\udfff"]}, metadata={"m": "\ud83d"})
    generation = replace(make_generation(0), sample=sample, output_text="x\udc00y\ud800", error="\ud800")
    path = write_artifact(tmp_path / f"a.{ending}", "generations", [generation], {})
    (found,) = read_rows(path, "generations")
    assert (found.output_text, found.error) == ("x\ufffdy\ufffd", "\ufffd")
    assert (found.sample.answer, found.sample.metadata) == ({"\ufffd": ["a\ufffd"]}, {"m": "\ufffd"})


@forms
def test_records_of_another_kind_are_refused(ending: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Score among the rows of samples"):
        write_artifact(tmp_path / f"a.{ending}", "samples", [make_sample(0), make_score(0)], {})
    assert os.listdir(tmp_path) == []


def test_another_ending_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.csv: artifacts end in \.parquet or \.jsonl"):
        write_artifact(tmp_path / "a.csv", "samples", [], {})


@forms
@pytest.mark.parametrize(
    ("asked", "command"),
    [("samples", "tasks build"), ("generations", "decode"), ("scores", "score")],
)
def test_another_kind_names_the_command_that_makes_it(
    asked: str, command: str, ending: str, tmp_path: Path
) -> None:
    held = "scores" if asked != "scores" else "samples"
    path = write_artifact(tmp_path / f"a.{ending}", held, [MAKERS[held](0)], {})
    with pytest.raises(ArtifactError, match=rf"holds {held}, not {asked}; `pbench {command}`"):
        read_rows(path, asked)
    with pytest.raises(ArtifactError, match=rf"holds {held}, not {asked}"):
        read_columns(path, asked, ["task"])


def test_an_unknown_column_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown column of samples 'tasq' \(did you mean 'task'\?\)"):
        read_columns(tmp_path / "a.parquet", "samples", ["tasq"])


@forms
@kinds
def test_kind_of(kind: str, ending: str, tmp_path: Path) -> None:
    assert kind_of(write_artifact(tmp_path / f"a.{ending}", kind, [], {})) == kind


def test_kind_of_what_is_no_artifact(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"a": [1]}), foreign)
    words = tmp_path / "words.jsonl"
    words.write_text("{}\n")
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"PNG")
    for path in (foreign, words, picture, tmp_path, tmp_path / "missing.parquet"):
        assert kind_of(path) is None


def test_kind_of_a_damaged_artifact_is_an_error(tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "a.parquet", "samples", [make_sample(0)], {})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match="truncated"):
        kind_of(path)
    path.write_bytes(b"")
    with pytest.raises(ArtifactError, match="is empty"):
        kind_of(path)


@forms
@pytest.mark.parametrize("read", [read_manifest, lambda path: read_rows(path, "samples")])
def test_missing_files_and_folders(ending: str, read, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=rf"a\.{ending}: there is no such file"):
        read(tmp_path / f"a.{ending}")
    (tmp_path / f"b.{ending}").mkdir()
    with pytest.raises(ArtifactError, match=rf"b\.{ending}: is a folder"):
        read(tmp_path / f"b.{ending}")


def test_samples_hash_is_about_content_and_order() -> None:
    samples = [make_sample(0), make_sample(1)]
    known = samples_hash(samples)
    assert known == samples_hash(iter([make_sample(0), make_sample(1)]))
    assert len(known) == 64
    changed = [
        samples[::-1],
        samples[:1],
        [samples[0], replace(samples[1], answer=["a"])],
        [samples[0], replace(samples[1], output_format=("a",))],
    ]
    assert known not in map(samples_hash, changed)


def test_samples_hash_ignores_the_order_of_keys() -> None:
    one, two = (replace(make_sample(0), metadata=m) for m in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
    assert samples_hash([one]) == samples_hash([two])
