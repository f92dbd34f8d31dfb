"""`pbench score`: streams, exit codes, options."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from pbench.cli import app as root
from pbench.cli import console, tally
from pbench.cli import score as command
from pbench.records import Generation
from pbench.score import score_run
from tests.score.conftest import Write, generation

Run = Callable[..., int]


@pytest.fixture
def pbench(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `pbench score ARGUMENTS` in this process and return the exit code."""
    app = typer.Typer(rich_markup_mode=None)
    app.callback()(lambda: None)
    command.register(app)
    monkeypatch.setattr(root, "app", app)
    monkeypatch.setattr(console, "state", console.State())
    return lambda *arguments: root._run(["score", *map(str, arguments)])


def test_the_path_and_nothing_else_on_stdout(
    pbench: Run, write_run: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_run("run.parquet", [generation(0), generation(1, "x")])
    assert pbench(source) == 0
    out, err = capsys.readouterr()
    assert out == f"{source.with_name('run.scores.parquet')}\n"
    assert "waiting_line/copy" in err
    assert "50.0 %" in err
    assert "n = 2" in err
    console.state.quiet = True
    assert pbench(source) == 0
    assert capsys.readouterr().err == ""


def test_samples_without_a_score_are_exit_3(
    pbench: Run, write_run: Write, list_rows: list[Generation], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_run("run.parquet", list_rows)
    assert pbench(source) == 3
    out, err = capsys.readouterr()
    assert out.endswith("run.scores.parquet\n")
    assert "1 samples have no score" in err
    assert pbench(source) == 3  # nor is it silent the second time


def test_json(pbench: Run, write_run: Write, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run("runs/a.parquet", [generation(0)]).parent
    write_run("runs/b.parquet", [generation(0), generation(0, "x", task="waiting_line/sort")])
    assert pbench(folder, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema_version"] == 1
    assert [Path(run["path"]).name for run in found["runs"]] == ["a.scores.parquet", "b.scores.parquet"]
    assert found["runs"][0]["tasks"]["waiting_line/copy"]["score"] == 1
    assert found["runs"][1]["overall"]["score"] == 0.5


def test_stdin_and_out(
    pbench: Run,
    write_run: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_run("run.parquet", [generation(0)])
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{source}\n"))
    assert pbench("-", "--out", tmp_path / "x.jsonl") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'x.jsonl'}\n"
    other = write_run("other.parquet", [generation(0)])
    assert pbench(source, other, "--out", tmp_path / "y.parquet") == 2
    assert "several runs" in capsys.readouterr().err


def test_bad_input(pbench: Run, write_run: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pbench(tmp_path / "none.parquet") == 4
    source = write_run("run.parquet", [generation(0)])
    assert pbench(score_run(source)) == 4
    source.write_bytes(source.read_bytes()[:-30])
    assert pbench(source) == 4
    assert pbench() == 2
    assert pbench(write_run("good.parquet", [generation(0)]), "--grammar", "harpr") == 2
    err = capsys.readouterr().err
    assert "did you mean 'harper'" in err
    assert "Traceback" not in err


def test_a_server_that_does_not_answer_is_a_usage_error(
    pbench: Run, write_run: Write, nobody: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = write_run("lists.parquet", [generation(0)])
    text = write_run("text.parquet", [generation(0, "A.", task="t/g", metric="grammar", answer=None)])
    server = ("--languagetool-url", nobody)
    assert pbench(lists, *server) == 0  # no grammar, no server
    assert pbench(text, *server) == 2
    assert "gives no answer" in capsys.readouterr().err


def test_harper_by_name(pbench: Run, write_run: Write, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        generation(i, text, task="t/g", metric="grammar", answer=None)
        for i, text in enumerate(["The cat sat on the mat.", "The the cat sat."])
    ]
    assert pbench(write_run("run.parquet", rows), "--grammar", "harper") == 0
    err = capsys.readouterr().err
    assert "grammar by harper" in err
    assert "50.0 %" in err


def test_list(pbench: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert pbench("--list") == 0
    out = capsys.readouterr().out
    assert "list_match" in out
    assert "words_to_sentence" in out
    assert pbench("--list", "--json") == 0
    metrics = {metric["name"]: metric for metric in json.loads(capsys.readouterr().out)["metrics"]}
    assert metrics["paraphrase"]["needs"] == ["bertscore", "grammar"]
    assert metrics["list_match"] == {
        "name": "list_match",
        "version": "1",
        "values": ["score", "score_strict"],
        "needs": [],
    }


def test_progress_is_told_now_and_then(
    pbench: Run, write_run: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tally, "LOG_SECONDS", 0.0)
    assert pbench(write_run("run.parquet", [generation(0)])) == 0
    assert "scoring: 1 of 1 answers" in capsys.readouterr().err
