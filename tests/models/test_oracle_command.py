"""`--model oracle` on the command line: built tasks are decoded and scored right, others refused."""

from __future__ import annotations

import json

import pytest

from pbench.cli import app as root

if not root.app.registered_commands:
    root._register()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def run(capsys, *arguments: str) -> str:
    assert root._run(list(arguments)) == 0, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "how",
    [
        ("--sampler", "threshold", "--gamma", "1.0"),
        ("--sampler", "wino", "--gamma", "0.9"),
        ("--sampler", "apd", "--mixture", "0", "--verifier", "oracle"),
        ("--sampler", "threshold", "--gamma", "1.0", "--block-length", "4"),
    ],
)
def test_answers_of_every_known_task_of_the_benchmark_are_right(capsys, how):
    path = run(capsys, "decode", "--model", "oracle", "--limit", "2", *how).strip()
    scored = json.loads(run(capsys, "score", path, "--json"))["runs"][0]["tasks"]
    assert len(scored) == 12  # ten list tasks, Latin square, sudoku; five tasks of texts are left out
    assert {task["score"] for task in scored.values()} == {1.0}


def test_tasks_of_texts_are_refused(capsys):
    assert root._run(["decode", "--model", "oracle", "--k", "1", "--tasks", "samsum"]) == 2
    assert "distribution of its right answers is not known" in capsys.readouterr().err


def test_it_is_listed_and_shown(capsys):
    listed = json.loads(run(capsys, "models", "list", "--json"))["models"]
    assert {
        "name": "oracle",
        "family": "oracle",
        "kind": "diffusion",
        "available": True,
        "why": None,
    } in listed
    assert json.loads(run(capsys, "models", "show", "oracle", "--json"))["config"] is None


def test_it_has_no_cache(capsys):
    assert root._run(["decode", "--model", "oracle", "--k", "1", "--cache", "dual"]) == 2
    assert "key-value cache" in capsys.readouterr().err
