"""Samples files: one a task, the same bytes everywhere, readable by the artifacts package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pbench.artifacts import read_manifest, read_rows, samples_hash
from pbench.errors import UsageError
from pbench.tasks import all_tasks, build, describe, generate, load_suite, resolve


def test_one_file_a_task_with_its_manifest(tmp_path: Path):
    specs = load_suite("puzzle").tasks
    paths = build(specs, tmp_path)
    assert paths == [
        tmp_path / "puzzle" / "latin_square_n4.parquet",
        tmp_path / "puzzle" / "sudoku_n4_12.parquet",
    ]
    samples = list(generate(specs[1]))
    assert list(read_rows(paths[1], "samples")) == samples
    manifest = read_manifest(paths[1])
    spec = manifest.pop("spec")
    assert {key: manifest[key] for key in ("schema_version", "kind", "rows")} == {
        "schema_version": manifest["schema_version"],
        "kind": "samples",
        "rows": 108,
    }
    assert set(manifest) == {
        "schema_version", "kind", "pbench_version", "rows", "task", "category", "group", "metric",
        "headline", "gen_length", "split", "content_hash", "source",
    }  # fmt: skip
    assert manifest["content_hash"] == samples_hash(samples)
    assert (spec["given"], spec["metric"], spec["icl_example_count"]) == (12, "sudoku", 1)


@pytest.mark.parametrize(
    ("task", "source"),
    [("copy", "names"), ("list_lab/copy", "alphabet"), ("samsum", "bundled"), ("domino", "generated")],
)
def test_source_of_a_task(tmp_path: Path, task: str, source: str):
    (path,) = build(resolve([task]), tmp_path, samples=4)
    assert read_manifest(path)["source"] == source


def test_same_bytes_in_another_process(tmp_path: Path):
    build(resolve(["waiting_line", "samsum"]), tmp_path / "a")
    script = "from pathlib import Path; from pbench.tasks import build, resolve\n"
    script += f"build(resolve(['samsum', 'waiting_line']), Path({str(tmp_path / 'b')!r}))"
    surroundings = {"PYTHONHASHSEED": "99", "LC_ALL": "C", "TZ": "America/Lima"}
    environment = os.environ | surroundings | {"PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path, check=True)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.parquet"))
    assert len(files) == 11
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_failed_build_leaves_the_old_file(tmp_path: Path):
    (path,) = build(resolve(["samsum"]), tmp_path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="100 are available"):
        build(resolve(["samsum"]), tmp_path, samples=101)
    assert path.read_bytes() == before
    assert list(tmp_path.rglob("*")) == [path.parent, path]


def test_a_task_that_cannot_give_so_many_is_said_before_anything_is_written(tmp_path: Path):
    with pytest.raises(UsageError, match="leave this task out"):
        build(resolve(["copy", "samsum"]), tmp_path / "data", "train")
    assert not (tmp_path / "data").exists()


def test_train_split_says_so(tmp_path: Path):
    (path,) = build(resolve(["copy"]), tmp_path, "train", 30)
    manifest = read_manifest(path)
    assert (manifest["split"], manifest["rows"]) == ("train", 30)


def test_describe_has_the_hash_of_the_file(tmp_path: Path):
    specs = resolve(["words_to_sentence"])
    entries = list(describe(specs))
    hashes = [read_manifest(path)["content_hash"] for path in build(specs, tmp_path)]
    assert [entry["hash"] for entry in entries] == hashes
    assert entries[0] == {
        "name": "words_to_sentence/easy",
        "category": "text_writing",
        "samples": 100,
        "metric": "words_to_sentence",
        "gen_length": 64,
        "hash": hashes[0],
    }


def test_all_tasks_are_there_once():
    names = [spec.name for spec in all_tasks()]
    assert len(names) == len(set(names)) == 111
