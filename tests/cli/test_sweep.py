"""`pbench sweep` end to end on the bundled model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pbench.artifacts import read_manifest, read_rows
from pbench.cli import app as root

if not root.app.registered_commands:
    root._register()

SWEEP = """\
tasks: [copy, shuffle]
limit: 2
matrix:
  model: [{models}]
  sampler:
    - name: confidence
      k: [8, 32]
    - name: threshold
      gamma: 0.9
  block_length: [full, 16]
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def written(models: str = "tiny") -> str:
    Path("grid.yaml").write_text(SWEEP.format(models=models))
    return "grid.yaml"


def swept(capsys, *arguments: str, code: int = 0):
    assert root._run(["sweep", *arguments]) == code
    return capsys.readouterr()


def test_each_run_is_what_decode_would_have_written(capsys):
    said = swept(capsys, written())
    files = [Path(line) for line in said.out.splitlines()]
    assert len(files) == 5
    assert "left out 2 times: --k 32 is more than the block holds" in said.err
    assert "[5/5] tiny" in said.err
    command = ["decode", "--tasks", "copy,shuffle", "--limit", "2", "--out", "alone.parquet"]
    assert root._run([*command, "--k", "8", "--block-length", "16"]) == 0
    capsys.readouterr()
    alone = read_manifest(Path("alone.parquet"))
    (same,) = [path for path in files if read_manifest(path)["config_id"] == alone["config_id"]]
    kept = [
        [(row.sample.sample_id, row.output_ids, row.nfe) for row in read_rows(path, "generations")]
        for path in (same, Path("alone.parquet"))
    ]
    assert kept[0] == kept[1]


def test_a_second_time_nothing_is_decoded_and_a_longer_grid_renames_nothing(capsys):
    first = swept(capsys, written(), "--only", "sampler=threshold").out.splitlines()
    before = {path: Path(path).read_bytes() for path in first}
    again = swept(capsys, written())
    assert set(first) < set(again.out.splitlines())
    assert {path: Path(path).read_bytes() for path in first} == before


def test_what_cannot_be_run_stops_nothing_else_and_is_said(capsys):
    Path("broken").mkdir()
    said = swept(capsys, written("broken, tiny"), "--json", code=3)
    result = json.loads(said.out)
    assert len(result["files"]) == 5
    assert len(result["failures"]) == 5
    assert "config.json" in result["failures"]["broken confidence k=8"]
    assert "5 of 10 runs could not be done" in said.err


def test_dry_run_writes_nothing(capsys):
    said = swept(capsys, "paper_benchmark", "--model", "tiny", "--dry-run")
    assert "2823 pairs of a task and a configuration" in said.err
    assert not Path("runs").exists()


def test_the_model_of_the_command_line_takes_the_place_of_the_files(capsys):
    said = swept(capsys, written("llada"), "--model", "tiny", "--only", "k=32", "--limit", "1")
    (path,) = said.out.splitlines()
    assert read_manifest(Path(path))["identity"]["model"]["name"] == "tiny"
    assert len(list(read_rows(Path(path), "generations"))) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["quik"], "unknown sweep 'quik' (did you mean 'quick'?)"),
        (["nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["grid.yaml", "--only", "gamme=1"], "gamme"),
        (["grid.yaml", "--model", "nosuch"], "nosuch"),
    ],
)
def test_mistakes_are_one_error_before_anything_runs(capsys, arguments, words):
    written()
    assert words in swept(capsys, *arguments, code=2).err
    assert not Path("runs").exists()
