"""`pbench decode` with workers, with a verifier, and with what cannot be."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from pbench.artifacts import read_manifest, read_rows
from pbench.cli import app as root
from pbench.decode import processes
from pbench.models.random_checkpoint import write_random
from pbench.models.random_files import RandomSize
from tests.forks import (
    SECONDS,
    begun,
    endless_pbench,
    gone,
    pbench_with_workers,
    said,
    signalled,
    start,
    work_endlessly,
)
from tests.models.autoregressive_checkpoints import texts, write

if not root.app.registered_commands:
    root._register()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def decoded(name: str, *arguments: str):
    assert root._run(["decode", *arguments, "--out", name]) == 0
    rows = list(read_rows(Path(name), "generations"))
    return read_manifest(Path(name)), [
        (row.sample.sample_id, row.output_ids, row.commit_step, row.nfe, row.query_tokens) for row in rows
    ]


@pytest.mark.usefixtures("forked_workers")
def test_workers_change_no_answer_and_no_identity():
    command = ["--tasks", "copy,shuffle", "--limit", "6", "--k", "8"]
    manifest, rows = decoded("a.parquet", *command)
    shared, others = decoded("b.parquet", *command, "--workers", "4", "--batch-size", "auto")
    assert others == rows
    assert shared["config_id"] == manifest["config_id"]
    assert shared["execution"]["devices"] == ["cpu"] * 4
    assert shared["execution"]["batch_size"] == "auto"
    sizes = shared["execution"]["batch_sizes"]
    assert any(sizes)
    assert all(size is None or size >= 1 for size in sizes)  # None: not ready before the end


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--gpus", "0,1"], "no CUDA device on this machine"),
        (["--gpus", "0", "--device", "cpu"], "drop one of them"),
        (["--device", "cuda:7"], "no CUDA device on this machine"),
        (["--batch-size", "0"], "from 1 on, or auto"),
        (["--batch-size", "many"], "from 1 on, or auto"),
        (["--dtype", "int8"], "unknown dtype 'int8'"),
        (["--dtype", "bfloat16"], "float32 always"),
    ],
)
def test_what_is_not_there_is_refused_before_work(capsys, monkeypatch, arguments, words):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert root._run(["decode", "--tasks", "copy", "--limit", "2", "--k", "1", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not Path("runs").exists()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A masked model and an autoregressive one with the same tokenizer, and one with another."""
    folder = tmp_path_factory.mktemp("pair")
    write_random("dream", folder / "dream", texts(), RandomSize(vocab_size=1024))
    twin = write(folder / "twin", vocab_size=1024)
    shutil.copy(folder / "dream" / "tokenizer.json", twin / "tokenizer.json")
    write(folder / "other")
    return folder


def test_a_verifier_judges_drafts_end_to_end(pair, capsys):
    command = ["--model", str(pair / "dream"), "--tasks", "copy", "--limit", "4", "--gen-length", "8"]
    command += ["--sampler", "apd", "--verifier", f"hf:{pair / 'twin'}"]
    manifest, rows = decoded("a.parquet", *command, "--mixture", "0.4", "--batch-size", "4")
    assert manifest["identity"]["verifier"]["family"] == "hf"
    _, alone = decoded("b.parquet", *command, "--mixture", "0.4", "--batch-size", "1")
    assert alone == rows
    found = list(read_rows(Path("a.parquet"), "generations"))
    assert all(row.nfe_aux == row.nfe for row in found)
    _, trusting = decoded("c.parquet", *command, "--mixture", "1.0")
    assert all(nfe == 1 for *_, nfe, _ in trusting)  # without a verifier's say every proposal is accepted
    assert sum(row.nfe for row in found) > len(found)
    other = [*command[:-1], f"hf:{pair / 'other'}", "--mixture", "0.4"]
    assert root._run(["decode", *other, "--out", "d.parquet"]) == 2
    assert "must share a tokenizer" in capsys.readouterr().err


COMMAND = [
    "decode",
    "--tasks",
    "copy",
    "--k",
    "1",
    "--workers",
    "2",
    "--batch-size",
    "1",
    "--out",
    "a.parquet",
]


def ended(elsewhere: Path, process, code: int, family: list[int]) -> None:
    assert len(family) == 2
    process.join(SECONDS)
    told = said(elsewhere, process.exitcode)
    assert told.code == code, told
    assert "the same command goes on from there" in told.err
    assert "Traceback" not in told.err
    assert gone(family)
    assert list(elsewhere.glob("a.*")) == [elsewhere / "a.journal.jsonl"]


def test_a_run_that_is_terminated_ends_its_workers_and_goes_on_later(elsewhere):
    process = start(pbench_with_workers, COMMAND, str(elsewhere))
    begun(process, elsewhere)
    signalled(process, signal.SIGTERM)
    ended(elsewhere, process, 143, [int(line) for line in (elsewhere / "workers").read_text().split()])


def pbench_of_a_terminal(folder: str) -> None:
    os.setsid()
    processes._work = work_endlessly
    endless_pbench(COMMAND, folder)


def test_ctrl_c_ends_workers_and_the_run_goes_on_later(elsewhere):
    """With workers that were started afresh: a terminal sends it to them too."""
    process = start(pbench_of_a_terminal, str(elsewhere))
    begun(process, elsewhere)
    family = children(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    ended(elsewhere, process, 130, family)


def children(process_id: int) -> list[int]:
    """Those that multiprocessing has started: not its resource tracker."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            command = (path / "cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == process_id and "spawn_main" in command:
            found.append(int(path.name))
    return found
