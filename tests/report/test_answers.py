"""Answers out of score files and the generations behind them."""

from dataclasses import replace

import pytest

from pbench.artifacts import read_manifest, write_artifact
from pbench.errors import ArtifactError
from pbench.report.answers import generations_of, read_details, read_generations, read_judged
from tests.report.made import Run
from tests.report.made_traces import RIGHT, SWAPPED, WORDS, generation, sample, write_run


@pytest.fixture
def run(tmp_path):
    failed = replace(
        generation(sample(2)), status="error", error_kind="non_finite", error="NaN", output_text=""
    )
    rows = [generation(sample(0), RIGHT), generation(sample(1), SWAPPED), failed]
    return write_run(tmp_path / "run.parquet", Run(), rows)


def scores_of(run):
    return run.with_name("run.scores.parquet")


def test_values_texts_and_reasons(run):
    right, wrong, failed = read_judged(scores_of(run), "default")
    assert (right.value, wrong.value, failed.value) == (1.0, 0.0, None)
    assert right.text == '["Ada", "Bob"]'
    assert (right.nfe, right.gen_length, right.content_length) == (3, 6, 5)
    assert (failed.status, failed.reason) == ("error", "non_finite: NaN")


def test_generations_of_some_samples_with_their_tokens(run):
    details = read_details(scores_of(run), ["lists/copy/1"])
    assert list(details.rows) == ["lists/copy/1"]
    assert details.rows["lists/copy/1"].output_ids == SWAPPED
    assert details.tokens.texts == WORDS
    assert details.why is None
    assert list(read_generations(run, None)) == [f"lists/copy/{i}" for i in range(3)]


def test_score_files_do_not_carry_the_token_texts(run):
    assert "tokens" in read_manifest(run)
    assert "tokens" not in read_manifest(scores_of(run))["run"]


def test_both_files_may_move_together(run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    scores = scores_of(run).rename(tmp_path / "elsewhere" / "run.scores.parquet")
    with pytest.raises(ArtifactError, match="are not there; decode them again"):
        generations_of(scores)
    moved = run.rename(tmp_path / "elsewhere" / "run.parquet")
    assert generations_of(scores) == moved


def test_generations_that_changed_are_no_details(run):
    write_artifact(run, "generations", [generation(sample(0), SWAPPED)], {})
    details = read_details(scores_of(run), ["lists/copy/0"])
    assert not details.rows
    assert "changed since" in (details.why or "")
    assert "score it again" in (details.why or "")
