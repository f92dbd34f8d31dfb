"""Names that lead elsewhere, end early or are too long: nothing is written but where it was asked for."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from pbench.cli import app as root
from pbench.decode import run_name
from tests.faults.conftest import files, in_process

HOSTILE = [
    "../../x",
    "/etc/x",
    "..",
    "a\0b",
    "x" * 300,
    "ü" * 200,
    "a\nb\r\tc",
    "\x1b[31mred",
    "CON",
    "a b'c\"d$(id)`id`;&|<>*?",
    "-rf",
    ".",
]


@pytest.fixture
def inner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str) -> Path:
    """A folder below tmp_path, in which nothing else may appear."""
    folder = tmp_path / "inner"
    folder.mkdir()
    in_process(folder, monkeypatch, cache)
    return folder


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_models_name_makes_a_file_name_that_is_one(tmp_path: Path, name: str) -> None:
    identity = {
        "model": {"name": name},
        "sampler": {"name": name, "given": {name: name}},
        "block_length": "full",
        **dict.fromkeys(("cache", "eos", "compat"), name),
        "infill": False,
    }
    made = run_name(identity)
    assert "/" not in made
    assert made.isascii()
    assert made.isprintable()
    for ending in (".scores.parquet.lock", ".journal.jsonl", ".parquet.lock"):
        (tmp_path / (made.removesuffix(".parquet") + ending)).touch()
    assert len(list(tmp_path.iterdir())) == 3


def test_models_names_lead_no_report_elsewhere(inner: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate(HOSTILE):
        line = {"task": "copy", "index": 0, "output_text": name, "model": name, "sampler": name, "nfe": 4}
        Path(f"answers{number}.jsonl").write_text(json.dumps(line) + "\n")
    given = [word for number in range(len(HOSTILE)) for word in ("--answers", f"answers{number}.jsonl")]
    assert root._run(["score", *given]) == 3
    for words in (["--format", "site", "--out", "site"], ["--out", "r.csv"], ["--out", "page.html"]):
        assert root._run(["report", ".", *words]) == 0
    assert [path.name for path in inner.parent.iterdir()] == ["inner"]
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert all(path.startswith(("answers", "site/data/", "r.csv", "page.")) for path in files(inner))
    assert len(list(inner.glob("site/data/leaderboard/*.json"))) == len(HOSTILE)


@pytest.mark.parametrize(
    "name", ["../../x", "x" * 300, "a\x1bb", "-", "waiting_line/../copy", "%s{0}"], ids=ascii
)
@pytest.mark.parametrize(
    "command",
    [
        ["decode", "--k", "1", "--tasks"],
        ["decode", "--k", "1", "--model"],
        ["decode", "--sampler"],
        ["tasks", "build"],
        ["tasks", "show"],
        ["sweep"],
        ["samplers", "show"],
        ["report", "--suite"],
    ],
    ids=" ".join,
)
def test_names_that_nobody_has_are_one_error(
    inner: Path, capsys: pytest.CaptureFixture[str], command: list[str], name: str
) -> None:
    assert root._run([*command, name]) in (2, 4)
    said = capsys.readouterr()
    assert "a bug" not in said.err
    assert "\x1b" not in said.err
    assert len([line for line in said.err.splitlines() if line.startswith("error: ")]) == 1
    assert list(inner.iterdir()) == []


@pytest.mark.parametrize("out", ["x" * 300 + ".parquet", "file/x.parquet", "folder.parquet"])
def test_a_place_that_cannot_be_is_one_error(
    inner: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    Path("file").touch()
    Path("folder.parquet").mkdir()
    before = sorted(inner.iterdir())
    assert root._run(["decode", "--tasks", "copy", "--limit", "1", "--k", "32", "--out", out]) in (2, 4)
    assert "a bug" not in capsys.readouterr().err
    assert sorted(inner.iterdir()) == before


def test_a_device_or_a_pipe_is_not_replaced_by_a_file(
    inner: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rename that makes files appear whole would put one in the place of /dev/null."""
    os.mkfifo("pipe.parquet")
    Path("null.parquet").symlink_to("/dev/null")
    for out in ("pipe.parquet", "null.parquet"):
        assert root._run(["decode", "--tasks", "copy", "--limit", "1", "--k", "32", "--out", out]) == 4
    assert Path("pipe.parquet").is_fifo()
    assert Path("/dev/null").is_char_device()
    assert Path("null.parquet").is_symlink()


def test_links_that_go_round_in_circles_end_the_search(
    inner: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("runs").mkdir()
    Path("runs/again").symlink_to("..", target_is_directory=True)
    Path("runs/self.parquet").symlink_to("self.parquet")
    Path("runs/nowhere.parquet").symlink_to("/nowhere/at/all.parquet")
    for command in (["score", "runs"], ["report", "runs"], ["decode", "--k", "1", "--data", "runs"]):
        assert root._run(command) == 4
    assert "a bug" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["score", "report"])
def test_paths_with_a_nul_are_no_files(
    inner: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a\0b.parquet\n"))
    assert root._run([command, "-"]) == 4
    assert "a\\x00b.parquet" in capsys.readouterr().err
