"""Which runs stand in the browser, and how a single file becomes one."""

import pytest

from pbench.errors import ArtifactError, UsageError
from pbench.report import page_runs
from pbench.report.browser import Limits
from pbench.report.findings import Findings
from pbench.report.page_runs import browser_of, find_samples, run_of_file
from pbench.report.points import SuiteTasks
from tests.report.conftest import report_of
from tests.report.made import Run, write_scores, zeros_and_ones
from tests.report.made_traces import SWAPPED, generation, sample, write_run

SUITE = SuiteTasks("lists", ("lists/copy",))


@pytest.fixture
def folder(tmp_path):
    for k in (1, 2, 6):
        ids = {} if k == 1 else {"ids": SWAPPED}
        rows = [generation(sample(i), k=k, **(ids if i else {})) for i in range(4)]
        write_run(tmp_path / f"k{k}.parquet", Run(options=(("k", k),)), rows)
    return tmp_path


def test_all_points_with_their_answers_and_traces(folder):
    data = browser_of(report_of(folder, SUITE), Findings(), Limits())
    assert [run["setting"] for run in data["runs"]] == ["k=1", "k=2", "k=6"]
    assert [answer[0] for answer in data["answers"][1]] == [1.0, 0.0, 0.0, 0.0]
    assert [len(traces) for traces in data["traces"]] == [4, 4, 4]
    assert data["points_left_out"] == 0
    assert all(run["note"] is None for run in data["runs"])
    assert data["runs"][0]["colour"].startswith("#")


def test_kinds_of_failures_come_from_the_findings(folder):
    report = report_of(folder, SUITE)
    kinds = {(report.points[1].settings.id, "lists/copy/2"): "wrong order"}
    data = browser_of(report, Findings(kind_of=kinds), Limits())
    assert data["kinds"] == ["wrong order"]
    assert [answer[5] for answer in data["answers"][1]] == [None, None, 0, None]
    assert [answer[5] for answer in data["answers"][0]] == [None] * 4


def test_scores_alone_are_shown_with_the_reason_for_missing_traces(tmp_path):
    write_scores(tmp_path / "a.scores.parquet", Run(), {"lists/copy": zeros_and_ones(1, 2)})
    data = browser_of(report_of(tmp_path, SUITE), Findings(), Limits())
    assert [answer[0] for answer in data["answers"][0]] == [1.0, 0.0]
    assert data["traces"] == [{}]
    assert "are not there" in data["runs"][0]["note"]


def test_of_a_large_grid_the_frontier_comes_first(folder, monkeypatch):
    monkeypatch.setattr(page_runs, "MOST_FILES", 2)
    data = browser_of(report_of(folder, SUITE), Findings(), Limits())
    assert [run["setting"] for run in data["runs"]] == ["k=1", "k=6"]
    assert data["points_left_out"] == 1


@pytest.mark.parametrize("name", ["k2.parquet", "k2.scores.parquet"])
def test_a_run_of_one_file_has_its_scores(folder, name):
    run = run_of_file(folder / name, frozenset(["lists/copy/0", "lists/copy/3"]))
    assert (run.model, run.sampler, run.setting, run.fixed) == ("tiny", "confidence", "k=2", "")
    assert run.name == "tiny · confidence · k=2"
    assert [one.value for one in run.answers.values()] == [1.0, 0.0]
    assert run.generations["lists/copy/3"].output_ids == SWAPPED
    assert run.note is None


def test_a_run_that_is_not_scored_says_so(folder):
    (folder / "k2.scores.parquet").unlink()
    run = run_of_file(folder / "k2.parquet", None)
    assert [one.value for one in run.answers.values()] == [None] * 4
    assert "pbench score" in (run.note or "")


def test_a_run_without_token_texts_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.report.made_traces.TABLE", None)
    path = write_run(tmp_path / "old.parquet", Run(), [generation(sample(0))])
    assert "tokens are numbers" in (run_of_file(path, None).note or "")
    data = browser_of(report_of(tmp_path, SUITE), Findings(), Limits())
    assert "tokens are numbers" in data["runs"][0]["note"]


def test_find_samples(folder):
    path = folder / "k1.parquet"
    assert find_samples(path, None) is None
    assert find_samples(path, "lists/copy/2") == find_samples(path, "copy/2") == {"lists/copy/2"}
    with pytest.raises(UsageError, match=r"has no sample 'copi/2' \(did you mean 'copy/2'\?\); it has 4"):
        find_samples(path, "copi/2")


def test_an_end_that_several_samples_share_is_refused(tmp_path):
    path = write_run(tmp_path / "a.parquet", Run(), [generation(sample(0, f"{t}/copy")) for t in "ab"])
    with pytest.raises(UsageError, match=r"several samples end so \(a/copy/0, b/copy/0\)"):
        find_samples(path, "copy/0")


def test_files_that_hold_no_answers_are_refused(tmp_path, folder):
    from pbench.artifacts import write_artifact

    path = write_artifact(tmp_path / "s.parquet", "samples", [sample(0)], {})
    with pytest.raises(ArtifactError, match="name a file that decode wrote"):
        find_samples(path, "copy/0")
    with pytest.raises(ArtifactError, match="holds samples"):
        run_of_file(path, None)
