"""`pbench score` and its grammar checker: chosen, told, kept apart, killed and gone on with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from pbench.artifacts import read_manifest, read_rows
from pbench.cli import app as root
from pbench.cli import console
from pbench.cli import score as command
from pbench.records import Generation
from tests.forks import pbench, start
from tests.grammar import conftest as grammar
from tests.grammar.conftest import Installation, StandIn, ended
from tests.score.conftest import Write, generation

Run = Callable[..., int]
server, installation = grammar.server, grammar.installation


@pytest.fixture(autouse=True)
def _no_languagetool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LTP_PATH", str(tmp_path / "nothing"))


@pytest.fixture
def score(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `pbench score ARGUMENTS` in this process and return the exit code."""
    app = typer.Typer(rich_markup_mode=None)
    app.callback()(lambda: None)
    command.register(app)
    monkeypatch.setattr(root, "app", app)
    monkeypatch.setattr(console, "state", console.State())
    return lambda *arguments: root._run(["score", *map(str, arguments)])


def texts(*outputs: str) -> list[Generation]:
    return [
        generation(index, output, task="t/g", metric="grammar", answer=None)
        for index, output in enumerate(outputs)
    ]


def values(path: Path) -> list[float | None]:
    return [row.values["score"] for row in read_rows(path, "scores")]


def test_auto_says_which_checker_it_takes(
    score: Run, write_run: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(write_run("text.parquet", texts("The cat sat on the mat."))) == 0
    err = capsys.readouterr().err
    assert "grammar: harper; LanguageTool, the reference, does not run here" in err
    assert "grammar by harper" in err
    assert score(write_run("lists.parquet", [generation(0)])) == 0
    assert "harper" not in capsys.readouterr().err


def test_a_server_is_asked_each_text_once(score: Run, write_run: Write, server: StandIn) -> None:
    source = write_run("run.parquet", texts("A baad one.", "Fine.", "Fine."))
    target = source.with_name("run.scores.parquet")
    for options in ([], [], ["--force"]):
        assert score(source, "--languagetool-url", server.url, *options) == 0
        assert values(target) == [0, 1, 1]
        assert read_manifest(target)["grammar_checker"] == {"name": "languagetool", "version": "6.8"}
    assert (server.times("baad"), server.times("Fine.")) == (1, 1)
    server.version = "6.9"  # what another version found says nothing of this one
    assert score(source, "--languagetool-url", server.url) == 0
    assert read_manifest(target)["grammar_checker"]["version"] == "6.9"
    assert server.times("baad") == 2


def test_auto_does_not_replace_another_checkers_scores(
    score: Run, write_run: Write, server: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_run("run.parquet", texts("A baad one.", "The cat sat."))
    target = source.with_name("run.scores.parquet")
    assert score(source, "--languagetool-url", server.url) == 0
    before = target.read_bytes()
    other = write_run("other.parquet", texts("A cat sat."))
    assert score(other, source) == 2
    err = capsys.readouterr().err
    assert "scored with languagetool 6.8, and --grammar auto takes harper" in err
    assert target.read_bytes() == before
    assert not other.with_name("other.scores.parquet").exists()  # nor is half of a set scored
    assert score(source, "--grammar", "harper") == 0
    assert read_manifest(target)["grammar_checker"]["name"] == "harper"


def test_a_server_that_falls_ill_leaves_gaps_that_the_next_time_fills(
    score: Run, write_run: Write, server: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_run("run.parquet", texts("Fine.", "It is ill.", "A baad one."))
    target = source.with_name("run.scores.parquet")
    assert score(source, "--languagetool-url", server.url) == 3
    assert values(target) == [1, None, 0]
    assert "gives no answer" in list(read_rows(target, "scores"))[1].reasons["score"]
    assert "1 samples have no score" in capsys.readouterr().err
    server.ill = False
    asked = len(server.seen)
    assert score(source, "--languagetool-url", server.url) == 0
    assert values(target) == [1, 1, 0]
    assert server.seen[asked:] == ["Good.", "It is ill."]


def test_the_server_of_our_own_ends_with_the_command(
    score: Run, write_run: Write, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("language_tool_python")
    monkeypatch.setenv("LTP_PATH", str(installation.home / "downloads"))
    runs = [write_run(f"{name}.parquet", texts("A baad one.", f"Run {name}.")) for name in "ab"]
    assert score(*runs) == 0
    assert [values(run.with_name(f"{run.stem}.scores.parquet")) for run in runs] == [[0, 1], [0, 1]]
    [pid] = installation.pids()
    assert ended(pid)


def test_a_run_that_cannot_be_read_stops_no_other(
    score: Run, write_run: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, good = write_run("a.parquet", [generation(0)]), write_run("b.parquet", [generation(0)])
    content = bytearray(broken.read_bytes())
    content[40] ^= 1  # in the rows: its manifest can be read
    broken.write_bytes(bytes(content))
    assert score(broken, good) == 4
    out, err = capsys.readouterr()
    assert out == f"{good.with_name('b.scores.parquet')}\n"
    assert "a.parquet" in err
    assert "Traceback" not in err


def test_a_killed_command_goes_on_where_it_stood(
    write_run: Write, score: Run, server: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> None:
    said = ["wait" if i >= 140 else "go on" for i in range(200)]
    source = write_run("run.parquet", texts(*(f"Numbers {word}, {i}." for i, word in enumerate(said))))
    command = ["score", str(source), "--languagetool-url", server.url]
    process = start(pbench, command, str(tmp_path_factory.mktemp("elsewhere")))
    while server.times("wait") < 4 and process.is_alive():  # as many as are asked at once
        process.join(0.02)
    process.kill()
    process.join()
    target = source.with_name("run.scores.parquet")
    assert not target.exists()
    asked = server.times("Numbers")
    assert asked == 144
    server.go.set()
    assert score(source, "--languagetool-url", server.url) == 0
    assert values(target) == [1.0] * 200
    assert server.times("Numbers") - asked == 200 - 2 * 64  # findings are kept by the 64
    left = {path.name for path in source.parent.iterdir()}
    assert left == {"run.parquet", "run.scores.parquet", ".pbench-cache"}
