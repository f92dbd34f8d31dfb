"""`pbench score --answers`: another engine's answers to our tasks, and to those of a data folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from pbench.cli import app as root
from pbench.cli import commands, console
from pbench.records import Sample
from pbench.tasks import build, generate, reference_text, resolve


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console, "state", console.State())
    whole = typer.Typer(rich_markup_mode=None)
    whole.callback()(lambda: None)
    commands.register(whole)
    monkeypatch.setattr(root, "app", whole)


def write(path: Path, samples: list[Sample]) -> Path:
    lines = [{"sample_id": s.sample_id, "output_text": reference_text(s), "nfe": 8} for s in samples]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def pbench(*words: str | Path) -> int:
    return root._run(["score", *map(str, words)])


def test_answers_to_our_own_task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [spec] = resolve(["copy"])
    path = write(tmp_path / "mine.jsonl", list(generate(spec)))
    assert pbench("--answers", path) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "mine.scores.parquet")
    assert pbench("--answers", path, "--json") == 0
    [run] = json.loads(capsys.readouterr().out)["runs"]
    assert (run["overall"]["score"], run["overall"]["n"]) == (1.0, 100)
    assert root._run(["report", "mine.scores.parquet"]) == 0
    assert "4.00" in capsys.readouterr().out  # 32 answer positions in 8 steps


def test_answers_to_a_data_folder_some_of_them_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(resolve(["sort"]), tmp_path / "few", samples=5)
    path = write(tmp_path / "mine.jsonl", list(generate(resolve(["sort"])[0], samples=5))[:3])
    assert pbench("--answers", path, "--data", tmp_path / "few", "--out", tmp_path / "out" / "s.parquet") == 3
    streams = capsys.readouterr()
    assert streams.out.strip() == str(tmp_path / "out" / "s.parquet")
    assert "2 of the 5 samples of waiting_line/sort have no answer in it" in streams.err
    assert (tmp_path / "out" / "mine.parquet").is_file()


def test_what_is_wrong_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.jsonl"
    for line, message in [
        ({"sample_id": "waiting_line/copy/100", "output_text": ""}, "mine.jsonl:1: unknown sample"),
        ({"sample_id": "waiting_line/cpy/1", "output_text": ""}, "mine.jsonl:1: unknown task"),
        ({"task": "puzzle", "index": 1, "output_text": ""}, "mine.jsonl:1: 'puzzle' is 2 tasks"),
    ]:
        path.write_text(json.dumps(line))
        assert pbench("--answers", path) == 4
        assert message in capsys.readouterr().err
    assert pbench("--answers", path, "--answers", path, "--out", "x.parquet") == 2
