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


def test_a_dry_run_says_runs_samples_steps_files_and_how_far_each_is(capsys):
    swept(capsys, written(), "--only", "sampler=threshold,block_length=full")
    plan = json.loads(swept(capsys, written(), "--dry-run", "--json").out)
    assert (len(plan["runs"]), plan["samples"]) == (5, 5 * 4)
    by_title = {run["title"]: run for run in plan["runs"]}
    done = by_title["tiny threshold gamma=0.9"]
    assert (done["state"], done["seconds"]) == ("done", 0.0)
    assert Path(done["file"]).exists()
    fresh = by_title["tiny confidence k=8"]
    assert (fresh["state"], fresh["nfe_bound"]) == ("new", 4 * 4)
    assert 0 < fresh["seconds"] < by_title["tiny threshold block_length=16 gamma=0.9"]["seconds"]
    assert plan["seconds"] == pytest.approx(sum(run["seconds"] for run in plan["runs"]))
    assert len(list(Path("runs").iterdir())) == 1
    said = swept(capsys, written(), "--dry-run", "--no-measure").err
    assert "tiny confidence k=8: 4 samples, at most 16 forward passes; new: runs/tiny-confidence-k8-" in said
    assert "by a measured step" not in said


def test_shards_of_a_sweep_do_each_run_once_and_the_sweep_itself_goes_on(capsys):
    first = swept(capsys, written(), "--shard", "1/2").out.splitlines()
    second = swept(capsys, written(), "--shard", "2/2").out.splitlines()
    assert {len(first), len(second)} == {2, 3}
    before = {path: Path(path).read_bytes() for path in (*first, *second)}
    said = swept(capsys, written())
    assert set(said.out.splitlines()) == set(before)
    assert "5 of 5 runs were done before" in said.err
    assert {path: Path(path).read_bytes() for path in before} == before


@pytest.mark.usefixtures("forked_workers")
def test_workers_hold_their_model_for_the_whole_sweep(capsys, monkeypatch):
    from pbench.decode import processes

    begun = []
    start = processes.ProcessPlace._start
    monkeypatch.setattr(processes.ProcessPlace, "_start", lambda place: (begun.append(place), start(place)))
    alone = swept(capsys, written(), "--out", "alone").out.splitlines()
    shared = swept(capsys, written(), "--workers", "2", "--batch-size", "2").out.splitlines()
    assert len(begun) == 2
    for one, other in zip(alone, shared, strict=True):
        assert Path(one).name == Path(other).name
        assert answers(one) == answers(other)


def answers(path: str):
    rows = read_rows(Path(path), "generations")
    return [(row.sample.sample_id, row.output_ids, row.commit_step, row.nfe) for row in rows]


def test_a_model_is_loaded_once_for_all_runs_and_not_for_finished_ones(capsys, monkeypatch):
    from pbench.decode.job import ModelChoice

    devices = []
    load = ModelChoice.load

    def counted(self, device):
        devices.append(device)
        return load(self, device)

    monkeypatch.setattr(ModelChoice, "load", counted)
    swept(capsys, written())
    swept(capsys, written())
    assert devices == ["meta", "cpu", "meta"]


def test_a_bug_in_one_run_stops_no_other(capsys, monkeypatch):
    from pbench.samplers.threshold import Threshold

    def broken(self, step):
        raise IndexError("list index out of range")

    monkeypatch.setattr(Threshold, "select", broken)
    said = swept(capsys, written(), "--json", code=3)
    result = json.loads(said.out)
    assert len(result["files"]) == 3
    assert set(result["failures"]) == {
        "tiny threshold gamma=0.9",
        "tiny threshold block_length=16 gamma=0.9",
    }
    assert "IndexError: list index out of range" in said.err
    assert "2 of 5 runs could not be done" in said.err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[copy, shuffle]", "\n  - copy\n  - shuffel", "3: unknown task 'shuffel' (did you mean 'shuffle'?)"),
        ("[tiny]", "\n    - tiny\n    - tinny", "6: unknown model 'tinny' (did you mean 'tiny'?)"),
        ("k: [8, 32]", "k: [8, 32]\n      steps: 4", "6: "),
        ("[full, 16]", "7", "3: matrix: nothing of it can be run: --block-length 7 does not divide"),
        ("block_length: [full, 16]", "gen_length: {puzle: 64}", "10: unknown category 'puzle'"),
        ("limit: 2", "exclude:\n  - {gama: 0.9}", "3: exclude: unknown key 'gama' (did you mean 'gamma'?)"),
        ("limit: 2", "exclude:\n  - {gamma: 0.5}", "3: exclude: {'gamma': 0.5} matches no combination"),
        ("limit: 2", "exclude:\n  - {model: tiny}", "3: the grid is empty: exclude takes everything away"),
        ("limit: 2", "limitt: 2", "2: unknown key 'limitt' (did you mean 'limit'?)"),
    ],
)
def test_a_wrong_file_is_said_with_its_line(capsys, old, new, words):
    Path("grid.yaml").write_text(SWEEP.format(models="tiny").replace(old, new))
    assert f"grid.yaml:{words}" in swept(capsys, "grid.yaml", code=2).err
    assert not Path("runs").exists()


def test_a_gap_is_measured_in_the_files_of_the_same_runs(capsys):
    written()
    plain = swept(capsys, "grid.yaml", "--only", "k=8").out.splitlines()
    planned = swept(capsys, "grid.yaml", "--only", "k=8", "--measure-gap", "--dry-run", "--no-measure")
    assert "--measure-gap: at most 248 more" in planned.err  # 2 runs x 4 samples x 31 tokens
    assert "2 runs (0 new, 2 begun, 0 done)" in planned.err
    again = swept(capsys, "grid.yaml", "--only", "k=8", "--measure-gap")
    assert again.out.splitlines() == plain
    assert all(row.gap is not None for path in plain for row in read_rows(Path(path), "generations"))
    kept = {path: Path(path).read_bytes() for path in plain}
    swept(capsys, "grid.yaml", "--only", "k=8")
    assert {path: Path(path).read_bytes() for path in plain} == kept


def test_the_same_run_of_two_matrices_is_measured_if_one_of_them_asks(capsys):
    matrix = "  - {model: tiny, sampler: {name: confidence, k: 32}, tasks: [%s]%s}\n"
    text = matrix % ("copy", ", measure_gap: true") + matrix % ("shuffle", "")
    Path("grid.yaml").write_text(f"tasks: [copy]\nlimit: 1\nmatrix:\n{text}")
    (path,) = swept(capsys, "grid.yaml").out.splitlines()
    rows = list(read_rows(Path(path), "generations"))
    assert [row.gap is not None for row in rows] == [True, True]


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ("model: tiny\n  sampler: null", "model 'tiny' needs a sampler"),
        ("model: haiku\n  sampler: {name: confidence, k: 4}", "decodes in its own way"),
        ("model: tiny\n  sampler: {name: confidence, k: 4}\n  base_url: http://x/v1", "runs on this machine"),
    ],
)
def test_a_matrix_that_contradicts_its_model_is_refused_with_its_line(matrix, words, capsys):
    Path("grid.yaml").write_text(f"tasks: [copy]\nmatrix:\n  {matrix}\n")
    said = swept(capsys, "grid.yaml", code=2)
    assert "grid.yaml:3: " in said.err
    assert words in said.err
    assert not Path("runs").exists()


def test_a_dry_run_looks_at_every_prompt_once_and_at_every_run(capsys, monkeypatch):
    from pbench.decode import Engines

    checked: list[int] = []
    check = Engines.check

    def counted(self, samples):
        checked.append(len(samples))
        check(self, samples)

    monkeypatch.setattr(Engines, "check", counted)
    swept(capsys, written(), "--dry-run", "--no-measure")
    assert checked == [4, 1, 1, 1, 1]
