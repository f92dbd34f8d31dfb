"""`pbench tasks ...` as a user types it: streams, exit codes, JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from pbench.artifacts import read_manifest
from pbench.cli import tasks as cli
from pbench.errors import ArtifactError, PbenchError, UsageError

app = typer.Typer()
cli.register(app)


@app.callback()
def _root() -> None:
    """Makes `tasks` a sub-command, as in the real program."""


def run(*words: str | Path, fails: type[PbenchError] | None = None) -> Result:
    result = CliRunner().invoke(app, ["tasks", *map(str, words)])
    if fails is None:
        assert result.exit_code == 0, result.output
    else:
        assert isinstance(result.exception, fails)
    return result


def test_build_prints_the_paths(tmp_path: Path):
    out = tmp_path / "data"
    result = run("build", "puzzle,copy", "--out", out, "--samples", 8)
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert [path.relative_to(out).as_posix() for path in paths] == [
        "puzzle/latin_square_n4.parquet",
        "puzzle/sudoku_n4_12.parquet",
        "waiting_line/copy.parquet",
    ]
    assert all(read_manifest(path)["rows"] == 8 for path in paths)
    assert "pbench decode" in result.stderr


def test_build_json_and_default_suite(tmp_path: Path):
    payload = json.loads(run("build", "--out", tmp_path, "--json").stdout)
    assert payload["schema_version"] == 1
    assert len(payload["files"]) == 17
    assert all(Path(file["path"]).is_file() for file in payload["files"])


def test_build_train(tmp_path: Path):
    run("build", "sort", "--split", "train", "--samples", 12, "--out", tmp_path)
    assert read_manifest(tmp_path / "waiting_line" / "sort.parquet")["split"] == "train"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["build", "--all", "puzzle"], "either --all or names"),
        (["build", "nothing"], "unknown task or suite 'nothing'"),
        (["build", "domino", "--samples", "900"], "810 are available"),
        (["list", "--suite", "nothing"], "unknown suite"),
        (["show", "waiting_line"], "'waiting_line' is 10 tasks"),
        (["show", "copy/3", "-n", "2"], "but copy/3 is one"),
        (["export", "--tasks", "samsum", "--out", "x.jsonl"], "its test split has all"),
    ],
)
def test_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str):
    monkeypatch.chdir(tmp_path)
    result = run(*words, fails=UsageError)
    assert message in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_list():
    lines = run("list", "--suite", "puzzle").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["name", "puzzle/latin_square_n4", "puzzle/sudoku_n4_12"]
    tasks = json.loads(run("list", "--suite", "puzzle", "--json").stdout)["tasks"]
    assert set(tasks[0]) == {"name", "category", "samples", "metric", "gen_length", "hash"}
    assert tasks[1]["samples"] == 108


def test_show():
    text = run("show", "copy", "-n", 2).stdout
    assert text.count("=== waiting_line/copy/") == 2
    assert "=== waiting_line/copy/50 " in text
    assert text.index("--- user") < text.index("--- assistant") < text.index("--- a right answer")
    samples = json.loads(run("show", "easy_7", "--json").stdout)["samples"]
    assert samples[0]["task"] == "words_to_sentence_by_length/easy_7"
    assert "no reference answer" in run("show", "easy_7").stdout
    assert "=== waiting_line/copy/0 " in run("show", "copy", "--split", "train").stdout


def test_show_more_samples_than_there_are():
    found = run("show", "copy", "-n", 101, "--json")
    assert len(json.loads(found.stdout)["samples"]) == 100
    assert "copy has 100 samples, not 101" in found.stderr
    assert "not" not in run("show", "copy", "-n", 100, "--json").stderr


def test_check(tmp_path: Path):
    assert run("check", "puzzle").stdout == "ok: 2 tasks, 208 samples\n"
    run("build", "puzzle", "--out", tmp_path)
    assert json.loads(run("check", tmp_path, "--json").stdout)["problems"] == []
    with pytest.raises(AssertionError):
        run("check", tmp_path / "nothing.parquet")
    run("check", tmp_path / "nothing.parquet", fails=ArtifactError)


def test_check_that_finds_something(write_suite, tmp_path: Path):
    (tmp_path / "rows.jsonl").write_text(
        '{"text": "Zzyxq is here.", "paraphrases": ["The train\\u001b[31m."]}'
    )
    head = "defaults: {category: text_writing, gen_length: 9, num_samples: 1}\ntasks:\n"
    suite = write_suite("  p: {type: paraphrase, source: {file: rows.jsonl}, prompt: '{text}'}\n", head)
    result = run("check", suite, fails=UsageError)
    assert "problems in 1 tasks" in str(result.exception)
    assert "own/p/0: 'Zzyxq is here.'" in result.stdout
    assert "\x1b" not in result.stdout


def test_export(tmp_path: Path):
    out = tmp_path / "sft.jsonl"
    result = run("export", "--format", "sft", "--tasks", "copy", "--samples", 5, "--out", out)
    assert result.stdout == f"{out}\n"
    assert len(out.read_text().splitlines()) == 5


def original(folder: Path) -> Path:
    """One task in the form of the original benchmark's data."""
    group = folder / "waiting_line"
    group.mkdir(parents=True)
    (group / "task_config.yaml").write_text(
        "copy: {prompt: 'Copy {context}', metric: list_match_score}\nsort: {prompt: x, metric: list_match}\n"
    )
    line = {"input": {"context": '["\x1b[2J A"]'}, "answer": '["A"]'}
    (group / "copy.jsonl").write_text((json.dumps(line) + "\n") * 3)
    return folder


def test_import_prints_the_paths_and_what_is_left_out(tmp_path: Path):
    folder = original(tmp_path / "original")
    result = run("import", folder, "--out", tmp_path / "data")
    assert result.stdout.splitlines() == [str(tmp_path / "data" / "waiting_line" / "copy.parquet")]
    assert "warning: left out: " in result.stderr
    assert "has no sort.jsonl beside it" in result.stderr
    payload = json.loads(run("import", folder, "--out", tmp_path / "data", "--json").stdout)
    assert [file["task"] for file in payload["files"]] == ["waiting_line/copy"]
    assert len(payload["left_out"]) == 1


def test_import_of_something_else(tmp_path: Path):
    result = run("import", tmp_path, "--out", tmp_path / "data", fails=ArtifactError)
    assert "no folder in it has a task_config.yaml" in str(result.exception)
    assert not (tmp_path / "data").exists()


def test_show_any_sample_as_a_model_sees_it(tmp_path: Path):
    run("import", original(tmp_path / "original"), "--out", tmp_path / "data")
    path = tmp_path / "data" / "waiting_line" / "copy.parquet"
    shown = run("show", path, "--index", 2).stdout
    assert shown.startswith("=== waiting_line/copy/2 (")
    assert 'Copy ["\\x1b[2J A"]' in shown
    assert run("show", "copy/2", "--data", tmp_path / "data").stdout == shown
    assert run("show", "copy/17").stdout.startswith("=== waiting_line/copy/17 (")
    assert run("show", "copy/17", "--split", "train").stdout.startswith("=== waiting_line/copy/17 (")
    result = run("show", "waiting_line/copy", "--index", 100, fails=UsageError)
    assert "no sample has the index 100; there are 100" in str(result.exception)
    result = run("show", "waiting_line", "--data", tmp_path / "data", "--index", 3, fails=UsageError)
    assert "there are 3" in str(result.exception)


def test_check_wants_one_thing_to_check():
    for words in (["check"], ["check", "puzzle", "--all"]):
        assert "--all" in str(run(*words, fails=UsageError).exception)


def test_oracle_answers_as_a_table_and_as_json():
    table = run("oracle-answers", "shuffle", "--limit", 2).stdout
    assert "| waiting_line/shuffle | score | 2 | 100 | 100 | 0 | 0 | 0 | - | - |" in table
    [row] = json.loads(run("oracle-answers", "shuffle", "--limit", 2, "--json").stdout)["rows"]
    assert row["means"]["swap"] == 1.0
