"""The whole score stage on answers that nobody would expect: none crashes it or takes it a second."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pbench.artifacts import read_rows
from pbench.grammar import HarperChecker
from pbench.metrics import MetricTools, score_many
from pbench.records import Generation
from pbench.score import score_run, summarise
from tests.metrics.test_hostile import ANSWERS, MOST_SECONDS
from tests.metrics.test_registry import REFERENCES
from tests.score.conftest import Write, generation

METRICS = ("list_match", "latin_square", "words_to_sentence", "summary", "paraphrase", "json_syntax")


@pytest.fixture(scope="module")
def harper() -> HarperChecker:
    checker = HarperChecker()
    checker.check(["Wake zxcvbqq."])  # the first word like no other builds an index (2 s, once)
    for metric in ("summary", "paraphrase"):
        score_many(metric, ["x"], ["x"], MetricTools())
    return checker


@pytest.mark.parametrize("name", ANSWERS)
def test_a_hostile_answer_costs_little_time(write_run: Write, harper: HarperChecker, name: str) -> None:
    answer = ANSWERS[name]
    rows: list[Generation] = [
        generation(0, answer, task=f"t/{metric}", metric=metric, answer=REFERENCES[metric])
        for metric in METRICS
    ]
    source: Path = write_run("run.parquet", rows)
    started = time.process_time()
    path = score_run(source, checker=harper)
    summarise(path)
    assert (time.process_time() - started) / len(rows) < MOST_SECONDS
    scored = list(read_rows(path, "scores"))
    assert len(scored) == len(rows)
    for row in scored:
        assert not {reason for value, reason in row.reasons.items() if value != "bertscore_score"} - {
            "no BERTScore model"
        }
