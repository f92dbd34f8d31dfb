"""Means of a scores file: headline, further values, gaps, mean over tasks."""

from __future__ import annotations

import pytest

from pbench.metrics.intervals import wilson
from pbench.records import Generation
from pbench.score import score_run, summarise
from tests.metrics.fakes import RuleChecker
from tests.score.conftest import Write, generation


def test_one_task(write_run: Write, list_rows: list[Generation]) -> None:
    path = score_run(write_run("run.parquet", list_rows))
    [run] = summarise(path)["runs"]
    assert run["path"] == str(path)
    assert run["status"] == "complete"
    half = wilson(3, 6)
    assert run["tasks"] == {
        "waiting_line/copy": {
            "n": 6,
            "score": 0.5,
            "ci95": [half.low, half.high],
            "headline": "score",
            "unscored": 1,
            "score_strict": pytest.approx(1 / 6),
        }
    }
    assert run["overall"] == {
        "n": 6,
        "score": 0.5,
        "ci95": [pytest.approx(half.low), pytest.approx(half.high)],
        "tasks": 1,
        "unscored": 1,
    }


def test_several_tasks_count_alike(write_run: Write) -> None:
    rows = [generation(i) for i in range(10)]
    texts = [("A cat.", "A cat."), ("bad cat", "A cat.")]
    rows += [
        generation(
            i, text, task="p/samsum", metric="summary", headline="grammar_score", answer={"summary": target}
        )
        for i, (text, target) in enumerate(texts)
    ]
    path = score_run(write_run("run.parquet", rows), checker=RuleChecker())
    [run] = summarise(path)["runs"]
    samsum = run["tasks"]["p/samsum"]
    assert samsum["score"] == 0.5
    assert samsum["combined"] == 0.5
    assert samsum["rouge1"] == pytest.approx(0.75)
    assert run["overall"]["score"] == 0.75
    # One task is always right; the other's resamples of two are 0, 1/2 or 1.
    assert run["overall"]["ci95"] == [0.5, 1.0]
    assert run["grammar_checker"] == {"name": "rule", "version": "1.0"}


def test_a_task_without_any_score_has_no_mean(write_run: Write) -> None:
    rows = [generation(0), generation(0, "", task="waiting_line/sort", status="error")]
    [run] = summarise(score_run(write_run("run.parquet", rows)))["runs"]
    sort = run["tasks"]["waiting_line/sort"]
    assert (sort["n"], sort["score"], sort["ci95"], sort["score_strict"]) == (0, None, None, None)
    assert (run["overall"]["score"], run["overall"]["unscored"]) == (None, 1)


def test_an_empty_run(write_run: Write) -> None:
    [run] = summarise(score_run(write_run("run.parquet", [])))["runs"]
    assert run["tasks"] == {}
    assert run["overall"]["score"] is None
