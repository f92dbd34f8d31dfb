"""The command line as a user meets it: cold start, streams, exit codes, one-line errors."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import orjson
import pytest

from pbench import load_task
from pbench.artifacts import samples_hash, write_artifact
from pbench.cli import app as root
from pbench.cli import commands, console
from pbench.errors import ArtifactError, LockedError, SamplesFailedError, UsageError
from tests.forks import SECONDS, begun, endless_pbench, said, signalled, start

if not root.app.registered_commands:
    root._register()

HEAVY = ("torch", "transformers", "pyarrow", "scipy", "pandas", "altair", "numpy")


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['pbench', '--help']\n"
        "import pbench.cli\n"
        "try: pbench.cli.main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "decode" in done.stdout


def test_every_command_has_help(capsys):
    assert root._run(["--help"]) == 0
    listed = capsys.readouterr().out
    for module in commands._MODULES:
        assert f"  {module} " in listed


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["decode", "--k", "0"], 2, "k"),
        (["decode", "--sampler", "treshold"], 2, "did you mean 'threshold'"),
        (["decode", "--sampler", "threshold", "--gamma", "7x"], 2, "gamma"),
        (["decode", "--gamma", "0.9"], 2, "--k, --steps"),
        (["decode", "--batchsize", "4", "--k", "1"], 2, "did you mean '--batch-size'"),
        (["decode", "--k"], 2, "needs a value"),
        (["decode", "--model", "tinny", "--k", "1"], 2, "did you mean 'tiny'"),
        (["decode", "--k", "1", "--tasks", "copi"], 2, "unknown task 'copi'"),
        (["decode", "--k", "1", "--tasks", "samsum"], 2, "cannot be asked"),
        (["decode", "--k", "1", "--tasks", "copy", "--block-length", "5"], 2, "does not divide"),
        (["decode", "--k", "1", "--device", "gpu7"], 2, "--device"),
        (["decode", "--k", "1", "--label", "x"], 2, "key=value"),
        (["decode", "--k", "1", "--out", "x.csv"], 2, ".parquet or .jsonl"),
        (["decode", "--k", "1", "--data", "nowhere"], 4, "pbench tasks build"),
        (["score", "nowhere.parquet"], 4, "nowhere.parquet"),
        (["show", "nowhere.parquet"], 4, "nowhere.parquet"),
        (["tasks", "build", "../../x"], 2, "../../x"),
        (["frobnicate"], 2, "frobnicate"),
        (["decode", "--gamma", "0.9"], 2, "samplers that take it: threshold, "),
        (["decode", "--sampler", "threshold", "--gama", "0.9"], 2, "(did you mean '--gamma'?)"),
        (["decode", "--sampler", "threshold"], 2, "sampler 'threshold' needs --gamma (commit where"),
        (["decode", "--model", "./llada", "--k", "1"], 2, "'./llada': there is no such folder"),
        (["decode", "--k", "1", "--temperature", "inf"], 2, "--temperature inf must be 0, or between"),
        (["decode", "--k", "1", "--seed", str(2**63)], 2, "must fit into 64 bits"),
        (
            ["decode", "--k", "1", "--tasks", "list_lab/copied"],
            2,
            "known: list_lab/copy, list_lab/insert_index",
        ),
        (["models", "random", "--family", "llada", "--out", "b", "--seed", str(2**63)], 2, "--seed"),
        (["train", "full", "--model", "tiny", "--out", "b", "--seed", str(2**63)], 2, "--seed"),
        (["decode", "--k", "1", "--shard", "0/4"], 2, "such as 3/8"),
        (["score", "runs"], 4, "runs: there is no such file or folder; `pbench decode` makes one"),
        (["report", "--format", "pdf"], 2, "'pdf' is not one of 'table'"),
        (["train", "full", "--model", "tiny", "--out", "b", "--learning-rate", "nan"], 2, "learning_rate"),
    ],
)
def test_wrong_usage_is_one_clear_error(tmp_path, monkeypatch, capsys, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / "cache"))
    assert root._run(arguments) == code
    done = capsys.readouterr()
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert (done.out, len(errors)) == ("", 1)
    assert words in errors[0]
    assert done.err.splitlines()[0] == errors[0], "no remark hides the error"
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("u"), 2),
        (SamplesFailedError("s"), 3),
        (ArtifactError("a"), 4),
        (LockedError("l"), 5),
        (KeyboardInterrupt(), 130),
        (root.TerminatedError(), 143),
        (OSError(28, "No space left on device", "out.parquet"), 2),
        (ZeroDivisionError("z"), 1),
    ],
)
def test_exit_codes(monkeypatch, capsys, error, code):
    def fail(**_):
        raise error

    monkeypatch.setattr(root, "app", fail)
    assert root._run([]) == code
    assert capsys.readouterr().err.startswith("error: ")


def test_debug_shows_the_traceback(monkeypatch, capsys):
    monkeypatch.setattr(console.state, "debug", True)
    assert root._run(["decode", "--k", "0"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_closed_pipe_is_no_error():
    listing = subprocess.run(
        f"{sys.executable} -m pbench tasks list | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
        executable="/bin/bash",
    )
    assert listing.stderr == ""
    assert len(listing.stdout.splitlines()) == 1


def test_text_from_data_cannot_drive_the_terminal(capsys):
    console.warn("\x1b[31mred\x9b2J\x07 [bold]x[/bold]")
    assert capsys.readouterr().err == "warning: \\x1b[31mred\\x9b2J\\x07 [bold]x[/bold]\n"
    console.result_json({"text": "\x1b\x9b"})
    assert all(line.isprintable() for line in capsys.readouterr().out.splitlines())


def test_lists_are_comma_separated_and_repeatable():
    assert console.split_list(["a,b", " c ,", "d"]) == ["a", "b", "c", "d"]
    assert console.split_list(None) == []


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (["tasks", "list"], "tasks"),
        (["samplers", "list"], "samplers"),
        (["models", "list"], "models"),
        (["samplers", "show", "threshold"], "options"),
        (["models", "show", "tiny"], "config"),
    ],
)
def test_json_results_carry_a_schema_version(capsys, arguments, key):
    assert root._run([*arguments, "--json"]) == 0
    payload = orjson.loads(capsys.readouterr().out)
    assert payload["schema_version"] == 1
    assert payload[key]


def test_sigterm_ends_with_143_and_the_way_to_resume(tmp_path):
    command = ["decode", "--k", "1", "--tasks", "copy", "--batch-size", "2"]
    process = start(endless_pbench, command, str(tmp_path))
    journal = begun(process, tmp_path)
    signalled(process, signal.SIGTERM)
    process.join(SECONDS)
    told = said(tmp_path, process.exitcode)
    assert told.code == 143
    assert journal.name in told.err
    assert "goes on from there" in told.err


def test_decode_prints_its_path_and_nothing_else_or_one_object(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command = ["decode", "--tasks", "copy", "--limit", "2", "--k", "16"]
    assert root._run(command) == 0
    path = capsys.readouterr().out.removesuffix("\n")
    assert Path(path).is_file()
    assert root._run([*command, "--json"]) == 0
    payload = orjson.loads(capsys.readouterr().out)
    assert (payload["path"], payload["decoded"], payload["counts"]) == (path, 0, {"ok": 2})


def test_failed_samples_are_told_with_their_commonest_reason(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    strange = ({"role": "user", "content": "Write something else."},)
    samples = [replace(sample, messages=strange) for sample in islice(load_task("waiting_line/copy"), 2)]
    manifest = {"task": "waiting_line/copy", "content_hash": samples_hash(samples)}
    write_artifact(tmp_path / "data" / "waiting_line" / "copy.parquet", "samples", samples, manifest)
    assert root._run(["decode", "--tasks", "copy", "--k", "1", "--out", "x.parquet"]) == 3
    assert (
        "error: 2 of 2 samples failed, 2 of them by prompt: waiting_line/copy/0: tiny cannot read this prompt"
        in capsys.readouterr().err
    )
    assert root._run(["score", "x.parquet"]) == 3
    assert "mostly, in x.scores.parquet: " in capsys.readouterr().err
