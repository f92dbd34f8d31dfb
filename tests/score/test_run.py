"""The score run: values by row, errors, manifest, skipping, refusing, streaming."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pbench.artifacts import read_manifest, read_rows, run_lock, write_artifact
from pbench.errors import ArtifactError, LockedError, UsageError
from pbench.grammar import Finding
from pbench.metrics import score_many
from pbench.records import Generation, Score
from pbench.score import batches, needs_of, refuse_other_checker, run, score_run
from tests.metrics.fakes import RuleChecker
from tests.score.conftest import COPY, Write, generation


def scores(path: Path) -> list[Score]:
    return list(read_rows(path, "scores"))


def test_rows_are_scored_by_their_status(write_run: Write, list_rows: list[Generation]) -> None:
    path = score_run(write_run("run.parquet", list_rows))
    rows = scores(path)
    assert path.name == "run.scores.parquet"
    assert [row.index for row in rows] == list(range(7))
    assert [row.values["score"] for row in rows] == [1, 1, 0, 0, 0, 1, None]
    assert [row.values["score_strict"] for row in rows] == [1, 0, 0, 0, 0, 0, None]
    assert rows[6].reasons["score"] == "nan_logits: NaN in the logits of step 3"
    assert rows[6].status == "error"
    assert rows[0].reasons == {}
    first = rows[0]
    assert (first.metric, first.metric_version, first.headline) == ("list_match", "1", "score")
    assert (first.nfe, first.query_tokens, first.gen_length, first.content_length) == (8, 512, 32, 20)
    assert (first.block_length, first.seconds, first.output_text) == (32, 0.25, COPY)


def test_the_manifest_says_what_was_done(write_run: Write, list_rows: list[Generation]) -> None:
    source = write_run("run.parquet", list_rows, "interrupted")
    found = read_manifest(score_run(source))
    assert found["kind"] == "scores"
    assert found["status"] == "interrupted"
    assert found["run"] == read_manifest(source)
    assert found["generations"]["path"] == "run.parquet"
    assert found["metrics"] == {"list_match": "1"}
    assert found["grammar_checker"] is None
    assert found["bertscore"] is None
    assert found["counts"] == {"empty": 1, "error": 1, "ok": 3, "refusal": 1, "truncated": 1}
    assert (found["answers_scored"], found["unscored"]) == (6, 1)


def test_the_answer_after_the_marker_counts(write_run: Write) -> None:
    text = f'First ["Bob Ray"]. The answer is: {COPY}\n So ["x"] it is. The answer is: "Ann Lee", "Bob Ray"'
    marked = generation(0, text, metadata={"answer_marker": "The answer is:"})
    plain = generation(1, f"{COPY} The answer is: nothing", metadata={})
    rows = scores(score_run(write_run("run.parquet", [marked, plain])))
    assert [row.values["score"] for row in rows] == [1, 1]


def test_metrics_take_turns_and_rows_keep_their_order(
    write_run: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "ROWS_AT_ONCE", 4)
    monkeypatch.setattr(run, "ROWS_AT_ONCE", 4)
    rows: list[Generation] = []
    for index in range(10):
        rows.append(generation(index, COPY if index % 2 else "x"))
        rows.append(generation(index, "A cat.", task="t/sudoku", metric="sudoku_score", answer="1234"))
        rows.append(
            generation(index, "bad" if index % 3 else "A cat.", task="t/g", metric="grammar", answer=None)
        )
    checker = RuleChecker()
    seen: list[tuple[int, int]] = []
    path = score_run(
        write_run("run.parquet", rows), checker=checker, on_progress=lambda *done: seen.append(done)
    )
    found = scores(path)
    assert [row.sample_id for row in found] == [row.sample.sample_id for row in rows]
    values = {row.sample_id: row.values["score"] for row in found}
    assert [values[f"waiting_line/copy/{i}"] for i in range(10)] == [i % 2 for i in range(10)]
    assert [values[f"t/g/{i}"] for i in range(10)] == [float(i % 3 == 0) for i in range(10)]
    assert read_manifest(path)["metrics"] == {"grammar": "1", "list_match": "1", "sudoku_score": "1"}
    assert read_manifest(path)["grammar_checker"] == {"name": "rule", "version": "1.0"}
    assert seen[-1] == (30, 30)
    assert seen[0] == (4, 30)


def test_missing_tools_leave_gaps_not_zeros(write_run: Write) -> None:
    row = generation(
        0, "A dog.", task="p/s", metric="paraphrase", headline="grammar_score", answer={"text": "A cat."}
    )
    path = score_run(write_run("a.parquet", [row]), checker=RuleChecker())
    [scored] = scores(path)
    assert scored.values == {
        "score": None,
        "inv_bleu_score": 1,
        "bertscore_score": None,
        "grammar_score": 1,
    }
    assert read_manifest(path)["unscored"] == 0
    [bare] = scores(score_run(write_run("b.parquet", [row])))
    assert bare.values["grammar_score"] is None
    assert bare.reasons["grammar_score"] == "no grammar checker"


def test_a_headline_that_the_metric_does_not_give(write_run: Write) -> None:
    path = score_run(write_run("run.parquet", [generation(0, headline="accuracy")]))
    assert scores(path)[0].values["accuracy"] is None
    assert "no such value" in scores(path)[0].reasons["accuracy"]
    assert read_manifest(path)["unscored"] == 1


def test_the_same_input_is_not_scored_twice(write_run: Write) -> None:
    rows = [generation(0, "A dog.", task="t/g", metric="grammar", answer=None)]
    source, checker = write_run("run.parquet", rows), RuleChecker()
    path = score_run(source, checker=checker)
    before, asked = path.stat().st_ino, len(checker.calls)
    content = path.read_bytes()
    assert score_run(source, checker=checker) == path
    assert path.stat().st_ino == before
    score_run(source, checker=checker, force=True)
    assert path.stat().st_ino != before  # clocks are too coarse to tell
    assert path.read_bytes() == content  # nothing of the day or the machine in it
    assert len(checker.calls) == asked  # the findings come from the cache

    other = RuleChecker()
    other.version = "2.0"
    score_run(source, checker=other)
    assert read_manifest(path)["grammar_checker"]["version"] == "2.0"
    assert len(other.calls) == 1

    write_run("run.parquet", [*rows, generation(1, "bad", task="t/g", metric="grammar", answer=None)])
    assert len(scores(score_run(source, checker=other))) == 2


def test_a_damaged_scores_file_is_made_again(write_run: Write, list_rows: list[Generation]) -> None:
    source = write_run("run.parquet", list_rows)
    path = score_run(source)
    good = path.read_bytes()
    for spoiled in (good[:-20], good[:200] + b"\x00" + good[201:], b""):
        path.write_bytes(spoiled)
        assert score_run(source).read_bytes() == good


def test_other_files_are_not_overwritten(write_run: Write, tmp_path: Path) -> None:
    source = write_run("run.parquet", [generation(0)])
    other = write_run("other.parquet", [generation(1)])
    with pytest.raises(UsageError, match="is a generations file"):
        score_run(source, out=other)
    foreign = tmp_path / "notes.jsonl"
    foreign.write_text("mine\n")
    with pytest.raises(UsageError, match="no artifact of pbench"):
        score_run(source, out=foreign, force=True)
    assert foreign.read_text() == "mine\n"


def test_jsonl_stays_jsonl(write_run: Write, list_rows: list[Generation], tmp_path: Path) -> None:
    path = score_run(write_run("run.jsonl", list_rows))
    assert path.name == "run.scores.jsonl"
    parquet = score_run(tmp_path / "run.jsonl", out=tmp_path / "deep" / "x.parquet")
    assert scores(path) == scores(parquet)
    assert read_manifest(parquet)["generations"]["path"] == "../run.jsonl"


def test_bad_inputs(write_run: Write, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no such file"):
        score_run(tmp_path / "none.parquet")
    scored = score_run(write_run("run.parquet", [generation(0)]))
    with pytest.raises(ArtifactError, match="not generations"):
        score_run(scored)
    with pytest.raises(UsageError, match="unknown metric 'list_mash'"):
        score_run(write_run("odd.parquet", [generation(0, metric="list_mash")]))
    assert not (tmp_path / "odd.scores.parquet").exists()


@pytest.mark.parametrize("answer", [None, 7, {}, {"input": 3}])
def test_a_row_whose_reference_makes_no_sense(write_run: Write, answer: Any) -> None:
    rows = [generation(0, metric="list_shuffle", answer=answer), generation(1)]
    path = score_run(write_run("run.parquet", rows))
    assert [row.values["score"] for row in scores(path)] == [None, 1]
    assert scores(path)[0].reasons["score"]


GRAMMAR = {"task": "t/g", "metric": "grammar", "answer": None}


def texts(*outputs: str) -> list[Generation]:
    return [generation(index, output, **GRAMMAR) for index, output in enumerate(outputs)]


def test_what_a_tool_failed_at_is_tried_again(write_run: Write) -> None:
    source, checker = write_run("run.parquet", texts("A cat.", "crash", "bad")), RuleChecker()
    path = score_run(source, checker=checker)
    assert [row.values["score"] for row in scores(path)] == [1, None, 0]
    assert "cannot judge this" in scores(path)[1].reasons["score"]
    assert (read_manifest(path)["failed"], read_manifest(path)["unscored"]) == (1, 1)

    well = RuleChecker()
    well.ill = False
    score_run(source, checker=well)
    assert [row.values["score"] for row in scores(path)] == [1, 1, 0]
    assert well.calls == [["crash"]]  # the others were kept
    assert read_manifest(path)["failed"] == 0
    score_run(source, checker=well)
    assert len(well.calls) == 1


def test_a_gap_that_no_tool_can_close_is_not_tried_again(
    write_run: Write, list_rows: list[Generation]
) -> None:
    lacking = generation(0, metric="list_shuffle", answer=7, task="waiting_line/shuffle")
    source = write_run("run.parquet", [*list_rows, lacking, *texts("A cat.")])
    path = score_run(source)
    assert (read_manifest(path)["failed"], read_manifest(path)["unscored"]) == (0, 3)
    before = path.stat().st_ino
    score_run(source)
    assert path.stat().st_ino == before


def test_a_killed_run_keeps_its_findings(write_run: Write) -> None:
    class Killed(RuleChecker):
        def check(self, texts: Sequence[str]) -> list[list[Finding]]:
            if len(self.calls) == 2:
                raise SystemExit
            return super().check(texts)

    source = write_run("run.parquet", texts(*(f"Text {i}." for i in range(300))))
    with pytest.raises(SystemExit):
        score_run(source, checker=Killed())
    assert not source.with_name("run.scores.parquet").exists()
    assert not list(source.parent.glob(".pbench-*-tmp-*"))
    checker = RuleChecker()
    assert len(scores(score_run(source, checker=checker))) == 300
    assert 0 < sum(map(len, checker.calls)) <= 300 - 2 * 64


def test_two_processes_do_not_write_one_file(write_run: Write, list_rows: list[Generation]) -> None:
    source = write_run("run.parquet", list_rows)
    target = source.with_name("run.scores.parquet")
    with run_lock(target), pytest.raises(LockedError, match="works on this run"):
        score_run(source)
    assert score_run(source) == target
    assert sorted(path.name for path in source.parent.iterdir()) == ["run.parquet", "run.scores.parquet"]


def test_scores_of_earlier_and_later_versions_are_made_anew(
    write_run: Write, list_rows: list[Generation], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_run("run.parquet", list_rows)
    path = score_run(source)
    good = path.read_bytes()
    rows, manifest = scores(path), read_manifest(path)
    write_artifact(path, "scores", rows, manifest | {"metrics": {"list_match": "0"}})
    assert score_run(source).read_bytes() == good
    with monkeypatch.context() as patch:
        patch.setattr("pbench.artifacts.manifest.SCHEMA_VERSION", 99)
        write_artifact(path, "scores", rows, {})
    assert score_run(source, force=True).read_bytes() == good


def test_megabytes_of_answers_are_taken_in_small_batches(
    write_run: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def counted(metric: str, predictions: Sequence[str], *rest: Any) -> Any:
        seen.append(len(predictions))
        return score_many(metric, predictions, *rest)

    monkeypatch.setattr(batches, "score_many", counted)
    monkeypatch.setattr(batches, "_CHARACTERS_AT_ONCE", 100)
    rows = [generation(index, "x" * (60 if index % 2 else 1)) for index in range(8)]
    assert len(scores(score_run(write_run("run.parquet", rows)))) == 8
    assert seen == [4, 4]


def test_a_row_that_breaks_a_metric_costs_no_other_its_score(
    write_run: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fragile(metric: str, predictions: Sequence[str], *rest: Any) -> Any:
        if "break" in predictions:
            raise RuntimeError("this metric fell over")
        return score_many(metric, predictions, *rest)

    monkeypatch.setattr(batches, "score_many", fragile)
    rows = [generation(index, "break" if index == 3 else COPY) for index in range(7)]
    found = scores(score_run(write_run("run.parquet", rows)))
    assert [row.values["score"] for row in found] == [1, 1, 1, None, 1, 1, 1]
    assert found[3].reasons["score"] == "RuntimeError: this metric fell over"


def test_another_checker_does_not_take_over_unasked(write_run: Write) -> None:
    source, rule, other = write_run("run.parquet", texts("A cat.")), RuleChecker(), RuleChecker()
    other.name = "other"
    target = source.with_name("run.scores.parquet")
    refuse_other_checker(source, target, other)  # nothing is there
    score_run(source, checker=rule)
    refuse_other_checker(source, target, rule)
    refuse_other_checker(source, target, None)
    with pytest.raises(UsageError, match=r"scored with rule 1\.0"):
        refuse_other_checker(source, target, other)
    lists = write_run("lists.parquet", [generation(0)])
    refuse_other_checker(lists, score_run(lists), other)


def test_what_a_run_needs(write_run: Write) -> None:
    paraphrase = generation(0, task="p/s", metric="paraphrase_score")
    assert needs_of(write_run("a.parquet", [generation(0)])) == set()
    assert needs_of(write_run("b.parquet", [*texts("A."), paraphrase])) == {"grammar", "bertscore"}
    assert needs_of(write_run("c.parquet", [generation(0, metric="list_mash")])) == set()
    bare = write_run("d.parquet", texts("A."))
    write_artifact(bare, "generations", texts("A."), {"config_id": "0"})
    assert needs_of(bare) == {"grammar"}
