"""`pbench samplers frequencies`, and the table that decode takes by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pbench.cli.frequencies import frequencies
from pbench.errors import ArtifactError, UsageError
from pbench.samplers.frequencies import read_table

app = typer.Typer(rich_markup_mode=None)
app.command()(frequencies)


def run(*arguments: str) -> str:
    """Standard output; errors are raised."""
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def test_right_answers_of_tasks_are_counted(tmp_path: Path):
    out = tmp_path / "table.json"
    assert run("--tasks", "copy,sort", "--samples", "5", "--out", str(out)) == f"{out}\n"
    table = read_table(out)
    assert table.source == "train answers: copy sort"
    assert table.counts[2] == 10  # one end a text
    assert table.counts[23] == table.counts[25] == 10  # one list a text


def test_tests_and_training_have_other_answers(tmp_path: Path):
    for split in ("test", "train"):
        run("--tasks", "copy", "--samples", "5", "--split", split, "--out", str(tmp_path / f"{split}.json"))
    assert read_table(tmp_path / "test.json").counts != read_table(tmp_path / "train.json").counts


def test_lines_of_files_are_texts(tmp_path: Path):
    for name, text in (("a.txt", "1234\n\n3412\n"), ("b.txt", "4321")):
        (tmp_path / name).write_text(text)
    out = tmp_path / "table.json"
    run("--text", str(tmp_path / "a.txt"), "--text", str(tmp_path / "b.txt"), "--out", str(out))
    table = read_table(out)
    assert sorted(table.counts.values()) == [3] * 5  # four digits and the end
    assert table.source == "a.txt b.txt"


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((), UsageError, "either --text FILE or --tasks"),
        (("--tasks", "copy", "--text", "x"), UsageError, "either"),
        (("--tasks", "copi"), UsageError, "did you mean 'copy'"),
        (("--text", "nowhere.txt"), ArtifactError, r"nowhere\.txt"),
        (("--tasks", "words_to_sentence/easy", "--split", "test"), UsageError, "vocabulary is closed"),
        (
            ("--tasks", "words_to_sentence_by_length/easy_5", "--split", "test"),
            UsageError,
            "no text to count",
        ),
    ],
)
def test_bad_input_is_one_clear_error(tmp_path: Path, arguments, error, words):
    with pytest.raises(error, match=words):
        run(*arguments, "--out", str(tmp_path / "table.json"))
    assert not (tmp_path / "table.json").exists()


def test_files_without_text_are_refused(tmp_path: Path):
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(UsageError, match="no text to count"):
        run("--text", str(tmp_path / "empty.txt"), "--out", str(tmp_path / "table.json"))
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(ArtifactError, match="UTF-8"):
        run("--text", str(tmp_path / "latin.txt"), "--out", str(tmp_path / "table.json"))


def test_a_table_has_a_json_name(tmp_path: Path):
    with pytest.raises(UsageError, match=r"\.json"):
        run("--tasks", "copy", "--out", str(tmp_path / "table.txt"))
