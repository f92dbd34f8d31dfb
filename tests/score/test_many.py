"""Many runs: in order, one that fails beside others, in processes of their own where that pays."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import pytest

from pbench.artifacts import read_rows
from pbench.errors import PbenchError, UsageError
from pbench.grammar import HarperChecker
from pbench.score import BertScore, Job, Tools, default_output, many, score_runs, workers_for
from tests.metrics.fakes import RuleChecker
from tests.score.conftest import COPY, Write, generation


def jobs_of(write_run: Write, count: int) -> list[Job]:
    runs = [
        write_run(f"runs/{i}.parquet", [generation(k, COPY if k < i else "x") for k in range(4)])
        for i in range(count)
    ]
    return [Job(run, default_output(run)) for run in runs]


def means(results: list[Path | PbenchError]) -> list[float | None]:
    return [
        sum(row.values["score"] for row in read_rows(path, "scores")) / 4 if isinstance(path, Path) else None
        for path in results
    ]


def test_one_after_another(write_run: Write) -> None:
    jobs, rows = jobs_of(write_run, 4), []
    found = list(score_runs(jobs, Tools(), on_rows=rows.append))
    assert found == [job.out for job in jobs]
    assert means(found) == [0, 0.25, 0.5, 0.75]
    assert sum(rows) == 16


def test_a_run_that_fails_stops_no_other(write_run: Write) -> None:
    jobs = jobs_of(write_run, 3)
    jobs[1].run.write_bytes(jobs[1].run.read_bytes()[:-30])
    odd = write_run("odd.parquet", [generation(0, metric="list_mash")])
    jobs.append(Job(odd, default_output(odd)))
    found = list(score_runs(jobs, Tools()))
    assert [isinstance(result, Path) for result in found] == [True, False, True, False]
    assert "1.parquet" in str(found[1])
    assert isinstance(found[3], UsageError)


@pytest.mark.usefixtures("forked_workers")
def test_in_processes_of_their_own(write_run: Write) -> None:
    jobs, rows = jobs_of(write_run, 3), []
    odd = write_run("odd.parquet", [generation(0, metric="list_mash")])
    jobs.insert(1, Job(odd, default_output(odd)))
    found = list(score_runs(jobs, Tools(HarperChecker()), workers=2, on_rows=rows.append))
    assert means(found) == [0, None, 0.25, 0.5]
    assert isinstance(found[1], UsageError)
    assert "unknown metric 'list_mash'" in str(found[1])
    assert sum(rows) == 13
    apart = [job.out.read_bytes() for job in jobs if job.out.exists()]
    again = [path for path in score_runs(jobs, Tools(), force=True) if isinstance(path, Path)]
    assert [path.read_bytes() for path in again] == apart


@pytest.mark.usefixtures("forked_workers")
def test_the_rows_of_one_run_are_shared_out(write_run: Write) -> None:
    rows = [generation(0, status="error")]
    rows += [generation(k, COPY if k % 3 else "x") for k in range(1, 200)]
    rows += [generation(k, f"He go to school {k}.", task="t/g", metric="grammar") for k in range(200, 300)]
    run = write_run("long.parquet", rows)
    job, seen = Job(run, default_output(run)), []
    [apart] = score_runs([job], Tools(HarperChecker()), workers=2, on_rows=seen.append)
    assert isinstance(apart, Path)
    assert sum(seen) == 300
    content = apart.read_bytes()
    assert list(score_runs([job], Tools(HarperChecker()), force=True)) == [apart]
    assert apart.read_bytes() == content


def test_a_killed_worker_is_an_error_of_a_run_that_is_shared_out(
    write_run: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def submit(self, *_arguments: object) -> Future[object]:
            future: Future[object] = Future()
            future.set_exception(BrokenProcessPool())
            return future

    @contextmanager
    def broken(_workers: int) -> Iterator[Broken]:
        yield Broken()

    monkeypatch.setattr(many, "worker_pool", broken)
    [job] = jobs_of(write_run, 1)
    [error] = score_runs([job], Tools(), workers=2)
    assert isinstance(error, PbenchError)
    assert "killed" in str(error)
    assert not job.out.exists()


def test_more_processes_only_where_they_pay(write_run: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = jobs_of(write_run, 4)
    monkeypatch.setattr(many, "cores", lambda: 3)
    assert workers_for(jobs, Tools()) == 1  # few rows
    monkeypatch.setattr(many, "_ROWS_WORTH_A_WORKER", 8)
    assert workers_for(jobs, Tools()) == 2
    assert workers_for(jobs, Tools(HarperChecker())) == 1
    monkeypatch.setattr(many, "_ROWS_WORTH_A_WORKER", 1)
    monkeypatch.setattr(many, "_TEXTS_WORTH_A_WORKER", 1)
    assert workers_for(jobs, Tools(HarperChecker())) == 3
    assert workers_for(jobs[:1], Tools()) == 3
    assert workers_for(jobs, Tools(RuleChecker())) == 1  # one server for all
    assert workers_for(jobs, Tools(bertscore=BertScore("model"))) == 1


def test_a_killed_worker_is_an_error_of_its_run(write_run: Write) -> None:
    [job] = jobs_of(write_run, 1)
    future: Future[Path | PbenchError] = Future()
    future.set_exception(BrokenProcessPool())
    assert "was killed" in str(many._result(job, future))
