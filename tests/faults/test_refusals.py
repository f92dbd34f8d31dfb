"""Files that are not what they should be: one error with its exit code, and never a wrong number."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pbench.artifacts import SCHEMA_VERSION, Journal, read_manifest, read_rows, write_artifact
from pbench.cli import app as root
from pbench.config import config_id
from pbench.decode import (
    EngineOptions,
    Engines,
    LocalRunner,
    decode_run,
    journal_path,
    make_plan,
    run_identity,
)
from pbench.errors import ArtifactError, UsageError
from pbench.samplers import make_sampler
from tests.faults.children import scripted_task
from tests.faults.conftest import files, in_process
from tests.forks import begun, endless_pbench, start
from tests.scripted import Scripted, hashed

DECODE = ["decode", "--tasks", "copy", "--limit", "3", "--k", "32", "--out"]


@pytest.fixture(scope="module")
def made(cache: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run and its scores, in both forms."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        in_process(folder, patch, cache)
        for ending in ("parquet", "jsonl"):
            assert root._run([*DECODE, f"a.{ending}"]) == 0
            assert root._run(["score", f"a.{ending}"]) == 0
    return folder


@pytest.fixture
def folder(made: Path, cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    in_process(tmp_path, monkeypatch, cache)
    return tmp_path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)


def renew(path: Path) -> None:
    """As a later pbench would have written it."""
    manifest = read_manifest(path)
    rows = list(read_rows(path, manifest["kind"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pbench.artifacts.manifest.SCHEMA_VERSION", SCHEMA_VERSION + 1)
        write_artifact(path, manifest["kind"], rows, manifest)


READERS = {
    "score": ["score", "a.ENDING", "--out", "new.parquet"],
    "trace": ["trace", "a.ENDING"],
    "report": ["report", "a.scores.ENDING"],
    "report folder": ["report", ".", "--out", "new.html"],
    "schedule": ["theory", "schedule", "a.ENDING"],
    "decode": [*DECODE, "a.ENDING"],
}


@pytest.mark.parametrize("damage", [cut, flip, renew], ids=lambda each: each.__name__)
@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_or_newer_file_is_exit_4_whoever_reads_it(
    folder: Path, capsys: pytest.CaptureFixture[str], reader: str, ending: str, damage: Callable[[Path], None]
) -> None:
    damage(folder / f"a.{ending}")
    damage(folder / f"a.scores.{ending}")
    before = {path: (folder / path).read_bytes() for path in files(folder)}
    capsys.readouterr()
    code = root._run([word.replace("ENDING", ending) for word in READERS[reader]])
    said = capsys.readouterr()
    assert code == 4, said
    assert f"a.scores.{ending}" not in said.out
    assert f"{ending}" in said.err
    assert {path: (folder / path).read_bytes() for path in files(folder)} == before


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
@pytest.mark.parametrize("named", [True, False], ids=["file", "folder"])
def test_one_score_file_of_a_newer_pbench_ends_the_report_by_its_name(
    folder: Path, capsys: pytest.CaptureFixture[str], ending: str, named: bool
) -> None:
    """Among files that can be read, too: nothing is reported without it."""
    renew(folder / f"a.scores.{ending}")
    capsys.readouterr()
    assert root._run(["report", f"a.scores.{ending}" if named else "."]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert re.search(rf"a\.scores\.{ending}\S*: written by a newer pbench", said.err)


def test_a_broken_journal_line_stops_the_run_and_stays_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "a.parquet"
    journal = _interrupted(out)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], lines[2][:-9] + b"\n", *lines[3:]]))
    before = journal.read_bytes()
    with pytest.raises(ArtifactError, match=r"a\.journal\.jsonl:3: a broken line in the middle"):
        _decoded(out)
    assert journal.read_bytes() == before
    assert not out.exists()


def test_a_second_writer_is_exit_5_and_may_go_on_when_the_first_is_killed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["decode", "--tasks", "copy", "--k", "1", "--batch-size", "1", "--limit", "12"]
    command += ["--out", "b.parquet"]
    first = start(endless_pbench, command, str(folder), XDG_CACHE_HOME=os.environ["XDG_CACHE_HOME"])
    begun(first, folder)
    os.kill(first.pid or 0, signal.SIGSTOP)
    before = (folder / "b.journal.jsonl").read_bytes()
    assert root._run(command) == 5
    assert f"process {first.pid} works on this run" in capsys.readouterr().err
    assert (folder / "b.journal.jsonl").read_bytes() == before
    first.kill()
    first.join()
    assert root._run(command) == 0
    assert len(list(read_rows(folder / "b.parquet", "generations"))) == 12


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--k", "16"], "sampler.options.k: 32 -> 16"),
        (["--seed", "7"], "seed: 0 -> 7"),
        (["--block-length", "16", "--k", "16"], 'block_length: "full" -> 16'),
        (["--label", "a=b"], 'labels.a: (absent) -> "b"'),
    ],
)
def test_another_configuration_on_the_same_file_is_exit_2_with_the_difference(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    before = (folder / "a.parquet").read_bytes()
    command = ["decode", "--tasks", "copy", "--limit", "3", "--out", "a.parquet"]
    command += arguments if "--k" in arguments else ["--k", "32", *arguments]
    assert root._run(command) == 2
    assert words in capsys.readouterr().err
    assert (folder / "a.parquet").read_bytes() == before


@pytest.mark.parametrize("form", ["file", "journal"])
def test_another_revision_of_the_model_is_refused(tmp_path: Path, form: str) -> None:
    out = tmp_path / "a.parquet"
    if form == "file":
        _decoded(out, revision="aaaa")
    else:
        _interrupted(out, revision="aaaa")
    with pytest.raises(UsageError, match=r'model\.revision: "aaaa" -> "bbbb"'):
        _decoded(out, revision="bbbb")


def test_a_sample_that_stands_twice_is_not_counted_twice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = list(read_rows(folder / "a.parquet", "generations"))
    write_artifact(folder / "a.parquet", "generations", [*rows, rows[0]], read_manifest(folder / "a.parquet"))
    before = (folder / "a.scores.parquet").read_bytes()
    assert root._run(["score", "a.parquet"]) == 4
    assert f"{rows[0].sample.sample_id} stands twice" in capsys.readouterr().err
    assert (folder / "a.scores.parquet").read_bytes() == before


def test_a_partial_run_says_so_at_every_stage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A limit, samples without an answer, and a journal that waits to be finished."""
    rows = list(read_rows(folder / "a.parquet", "generations"))
    rows[0] = replace(rows[0], status="error", error_kind="too_long", error="it does not fit", output_text="")
    manifest = read_manifest(folder / "a.parquet")
    manifest["tasks"]["waiting_line/copy"]["done"] = 2
    write_artifact(folder / "b.parquet", "generations", rows, manifest | {"config_id": config_id({"b": 1})})
    with Journal.create(journal_path(folder / "b.parquet"), manifest):
        pass
    for path in folder.glob("a.*"):
        path.unlink()
    assert (
        manifest["tasks"]["waiting_line/copy"]["samples"] > manifest["tasks"]["waiting_line/copy"]["selected"]
    )
    assert root._run(["score", "."]) == 3
    said = capsys.readouterr().err
    assert "b.journal.jsonl: holds answers of an unfinished run" in said
    assert "1 " in said
    assert root._run(["report", ".", "--json"]) == 0
    shown = capsys.readouterr()
    assert "2 of 3 samples" in shown.err
    assert "b.journal.jsonl" in shown.err
    assert '"complete": false' in shown.out


def _plan(revision: str = ""):
    sampler, options = make_sampler("confidence", {"k": 2}), EngineOptions()
    identity = run_identity(Scripted(hashed), sampler, options, None, {})
    identity["model"]["revision"] = revision
    return make_plan([scripted_task(8)], identity), sampler, options


def _decoded(out: Path, denoiser: Scripted | None = None, revision: str = "") -> None:
    plan, sampler, options = _plan(revision)
    runner = LocalRunner(Engines(denoiser or Scripted(hashed), sampler, options), 2)
    decode_run(plan, runner, out, lambda *_: None)


def _interrupted(out: Path, revision: str = "") -> Path:
    """The journal of a run that somebody stopped."""

    class Stopping(Scripted):
        def logits(self, canvas, positions, cache=None):
            if self.forwards == 14:
                raise KeyboardInterrupt
            return super().logits(canvas, positions, cache)

    with pytest.raises(KeyboardInterrupt):
        _decoded(out, Stopping(hashed), revision)
    return journal_path(out)
