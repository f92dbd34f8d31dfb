"""Answers longer than what judges them reads are counted, in the manifest and on stderr."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pbench.artifacts import read_manifest
from pbench.cli import score as command
from pbench.grammar import Finding, HarperChecker, LanguageToolChecker, characters_read
from pbench.metrics import get_metric
from pbench.score import score_run, summarise
from tests.score.conftest import Write, generation


class Short:
    """A checker that reads ten characters."""

    name = "short"
    version = "1"
    max_characters = 10

    def check(self, texts: Sequence[str]) -> list[list[Finding]]:
        return [[] for _ in texts]


def test_what_is_read_in_part_is_counted_by_who_read_it(write_run: Write) -> None:
    rows = [
        generation(0, "x" * 11, metric="summary", answer={"summary": "a"}),
        generation(1, "\n" * 50 + "x" * 10 + " " * 50, metric="summary", answer={"summary": "a"}),
        generation(2, "x" * 20_001, metric="summary", answer={"summary": "a"}),
        generation(3, "x" * 30_000, metric="summary", answer={"summary": "a"}, status="error"),
        generation(4, "x" * 30_000),
        generation(5, "x" * 30_000, metric="grammar", answer=None),
    ]
    path = score_run(write_run("run.parquet", rows), checker=Short())
    assert read_manifest(path)["cut"] == {"grammar": 3, "similarity": 1}
    assert summarise(path)["runs"][0]["cut"] == {"grammar": 3, "similarity": 1}


def test_nothing_is_cut_without_a_reader_that_cuts(write_run: Write) -> None:
    rows = [generation(0, "x" * 30_000), generation(1, "x" * 30_000, metric="grammar", answer=None)]
    assert read_manifest(score_run(write_run("run.parquet", rows)))["cut"] == {}


def test_who_reads_how_much() -> None:
    assert characters_read(HarperChecker(threads=1)) == 2_000
    assert characters_read(LanguageToolChecker("http://127.0.0.1:9")) == 20_000
    assert [get_metric(name).reads for name in ("summary", "paraphrase")] == [20_000, 20_000]
    assert get_metric("list_match").reads is None


def test_the_command_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    command._warn_of_cuts({"path": "run.scores.parquet", "cut": {"grammar": 2, "similarity": 1}})
    err = capsys.readouterr().err
    assert "run.scores.parquet: answers longer than the grammar checker reads: 2; their beginnings" in err
    assert "answers longer than ROUGE, BLEU and BERTScore read: 1;" in err
