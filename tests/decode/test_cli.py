"""The options of `pbench decode` that change how the engine works, end to end on the bundled model."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbench.artifacts import read_manifest, read_rows
from pbench.cli import app as root

if not root.app.registered_commands:
    root._register()

COMMAND = ["decode", "--tasks", "copy,shuffle", "--limit", "2"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def decoded(capsys, *arguments: str):
    assert root._run([*COMMAND, *arguments]) == 0
    path = Path(capsys.readouterr().out.strip())
    return path, read_manifest(path), list(read_rows(path, "generations"))


def test_every_option_is_in_the_identity_and_in_the_name(capsys):
    path, manifest, rows = decoded(
        capsys,
        *("--sampler", "threshold", "--gamma", "0.9", "--block-length", "8", "--cache", "dual"),
        *(
            "--eos",
            "stop",
            "--compat",
            "parallelbench",
            "--temperature",
            "0.5",
            "--top-p",
            "0.9",
            "--top-k",
            "5",
        ),
    )
    identity = manifest["identity"]
    assert {key: identity[key] for key in ("cache", "eos", "compat", "top_p", "top_k", "infill")} == {
        "cache": "dual",
        "eos": "stop",
        "compat": "parallelbench",
        "top_p": 0.9,
        "top_k": 5,
        "infill": False,
    }
    assert "-b8-dual-stop-parallelbench-" in path.name
    assert all(row.query_tokens < row.kv_tokens or row.nfe <= 4 for row in rows)


def test_options_that_change_answers_change_the_config_id(capsys):
    runs = [
        decoded(capsys, "--k", "2", *more)[1]["config_id"]
        for more in ([], ["--eos", "stop"], ["--cache", "prefix"], ["--compat", "parallelbench"])
    ]
    assert len(set(runs)) == 4


def test_the_gap_is_recorded_apart_and_changes_no_identity(capsys):
    _, plain, before = decoded(capsys, "--k", "4")
    _, measured, after = decoded(capsys, "--k", "4", "--measure-gap")
    assert plain["config_id"] == measured["config_id"]
    assert [row.nfe for row in after] == [row.nfe for row in before]
    assert [row.output_ids for row in after] == [row.output_ids for row in before]
    assert [row.nfe_gap for row in after] == [24] * len(after)
    assert all(len(row.gap) == len(row.trace) for row in after)
    assert root._run([*COMMAND, "--k", "4", "--measure-gap", "--dry-run"]) == 0
    assert "--measure-gap: at most 124 more" in capsys.readouterr().err


def test_an_answer_that_has_ended_costs_fewer_forwards(capsys):
    _, _, whole = decoded(capsys, "--sampler", "l2r", "--k", "1")
    _, _, stopped = decoded(capsys, "--sampler", "l2r", "--k", "1", "--eos", "stop")
    for full, short in zip(whole, stopped, strict=True):
        assert full.nfe == 32
        assert short.nfe == short.content_length + 1 < 32
        assert short.output_text == full.output_text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--k", "1", "--top-k", "3"], "needs --temperature above 0"),
        (["--k", "1", "--eos", "end"], "'end' is not one of 'none', 'stop'"),
        (["--k", "1", "--cache", "full"], "'full' is not one of 'none', 'prefix', 'dual'"),
        (["--k", "1", "--compat", "dream"], "not one of 'parallelbench'"),
        (["--k", "1", "--infill"], "has no output_format"),
        (["--k", "2", "--measure-gap", "--cache", "dual"], "Drop one of the two"),
        (["--k", "1", "--infill", "--gen-length", "8"], "drop --gen-length"),
        (["--k", "1", "--gen-length", "65"], "'tiny' has 64 positions for an answer, which 4 of 4 samples"),
        (["--k", "1", "--gen-length", "100000", "--dry-run"], "exceed: waiting_line/copy/0 has gen_length"),
        (["--k", "1", "--gen-length", "100000", "--model", "oracle", "--dry-run"], "a context of 65536"),
        (["--sampler", "wino", "--gamma", "0.6", "--cache", "dual", "--dry-run"], "does not go with"),
        (["--sampler", "apd", "--mixture", "0.5", "--dry-run"], "needs a verifier"),
        (["--sampler", "apd", "--mixture", "0.5", "--verifier", "tiny"], "must be an autoregressive model"),
        (["--sampler", "apd", "--mixture", "0.5", "--verifier", "tini"], "did you mean 'tiny'"),
    ],
)
def test_what_cannot_work_is_one_clear_error(capsys, elsewhere, arguments, words):
    assert root._run([*COMMAND, *arguments]) == 2
    error = capsys.readouterr().err
    assert words in " ".join(error.split())
    assert error.count("error:") == 1
    assert not (elsewhere / "runs").exists()


def test_tasks_of_the_data_folder_that_are_not_decoded_are_named(capsys):
    """Without --tasks those of the benchmark are, if it holds any."""
    tasks = ["waiting_line/copy", "list_lab/copy"]
    assert root._run(["tasks", "build", *tasks, "--samples", "2", "--out", "mine"]) == 0
    assert root._run(["decode", "--data", "mine", "--k", "4", "--dry-run"]) == 0
    said = capsys.readouterr().err
    assert "not decoded, for --tasks does not name them: list_lab/copy" in said
    assert "waiting_line/copy: 2 of 2 samples" in said


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--k", "1", "--gpus", ""], "is an empty list"),
        (["--k", "1", "--tasks", ","], "is an empty list"),
        (["--k", "1", "--device", "meta"], "nothing can be computed there"),
        (["--k", "1", "--temperature", "inf"], "must be 0, or between"),
        (["--sampler", "apd", "--mixture", "0.7", "--verifier", "oracle"], "must share a tokenizer"),
        (["--sampler", "threshold"], "sampler 'threshold' needs --gamma"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(capsys, asked, words):
    command = [*COMMAND, *asked] if "--tasks" not in asked else ["decode", *asked]
    assert root._run(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err.splitlines()[-1]
