"""Which files are scored: named ones, folders, stdin; and where scores go."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from pbench.errors import ArtifactError
from pbench.score import default_output, find_runs, score_run
from tests.score.conftest import Write, generation


def test_folders_are_searched_and_other_files_skipped(write_run: Write, tmp_path: Path) -> None:
    second = write_run("runs/b.parquet", [generation(0)])
    first = write_run("runs/a/deep.jsonl", [generation(1)])
    score_run(second)
    (tmp_path / "runs" / "c.journal.jsonl").write_text("{}\n")
    (tmp_path / "runs" / "notes.txt").write_text("hello")
    assert find_runs([tmp_path / "runs"]) == [first, second]
    assert find_runs([second, str(tmp_path / "runs")]) == [second, first]
    assert find_runs([second, second]) == [second]


def test_paths_on_stdin(write_run: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = write_run("a.parquet", [generation(0)]), write_run("b.parquet", [generation(1)])
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{b}\n\n{a}\n"))
    assert find_runs(["-"]) == [b, a]


def test_what_is_no_run(write_run: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = score_run(write_run("runs/a.parquet", [generation(0)]))
    with pytest.raises(ArtifactError, match="holds scores, not generations"):
        find_runs([scores])
    with pytest.raises(ArtifactError, match="no such file"):
        find_runs([tmp_path / "none.parquet"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="no generations"):
        find_runs([tmp_path / "empty"])
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(ArtifactError, match="no generations"):
        find_runs(["-"])
    (tmp_path / "runs" / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ArtifactError, match="damaged"):
        find_runs([tmp_path / "runs"])


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("run.parquet", "run.scores.parquet"),
        ("run-k2.5.parquet", "run-k2.5.scores.parquet"),
        ("run.jsonl", "run.scores.jsonl"),
        ("run", "run.scores.parquet"),
    ],
)
def test_default_output(name: str, output: str) -> None:
    assert default_output(Path("d") / name) == Path("d") / output
