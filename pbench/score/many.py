"""Many runs scored, in their order: one after another, or in parallel processes where it pays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pbench.artifacts import read_manifest
from pbench.errors import PbenchError
from pbench.grammar import GrammarChecker, HarperChecker
from pbench.processes import cores, worker_pool
from pbench.score.bertscore import BertScore
from pbench.score.run import score_run

__all__ = ["Job", "Tools", "score_runs", "workers_for"]

# A worker takes 2 s to start and harper in it 3 s more; a row takes 0.13 ms and more.
_ROWS_WORTH_A_WORKER = 20_000


@dataclass(frozen=True, slots=True)
class Job:
    """A run of generations and where its scores go."""

    run: Path
    out: Path


@dataclass(frozen=True, slots=True)
class Tools:
    """What metrics may use, opened once for all runs."""

    checker: GrammarChecker | None = None
    bertscore: BertScore | None = None


def workers_for(jobs: Sequence[Job], tools: Tools) -> int:
    """How many processes pay for these runs; 1 is this one.

    A server or a model is one for all: with them the runs are scored here.
    """
    shared = tools.bertscore is not None or not isinstance(tools.checker, HarperChecker | None)
    if shared or len(jobs) < 2:
        return 1
    rows = sum(int(read_manifest(job.run)["rows"]) for job in jobs)
    return max(1, min(cores(), len(jobs), rows // _ROWS_WORTH_A_WORKER))


def score_runs(
    jobs: Sequence[Job],
    tools: Tools,
    *,
    force: bool = False,
    workers: int = 1,
    on_rows: Callable[[int], None] = lambda _count: None,
) -> Iterator[Path | PbenchError]:
    """The scores file of each run, or the error that it ended with; the other runs go on.

    `on_rows` gets the number of further rows done. More than one worker only without a server and
    without a BERTScore model (see workers_for).
    """
    if workers == 1:
        for job in jobs:
            yield _score(job, tools, force, on_rows)
        return
    with worker_pool(workers) as pool:
        pending = [pool.submit(_score_apart, job, tools.checker is not None, force) for job in jobs]
        for job, future in zip(jobs, pending, strict=True):
            yield _result(job, future)
            on_rows(int(read_manifest(job.run)["rows"]))


def _score(job: Job, tools: Tools, force: bool, on_rows: Callable[[int], None]) -> Path | PbenchError:
    done = 0

    def tell(now: int, _total: int) -> None:
        nonlocal done
        on_rows(now - done)
        done = now

    try:
        return score_run(
            job.run,
            checker=tools.checker,
            bertscore=tools.bertscore,
            out=job.out,
            force=force,
            on_progress=tell,
        )
    except PbenchError as error:
        return error


def _score_apart(job: Job, grammar: bool, force: bool) -> Path | PbenchError:
    """In a worker process."""
    return _score(job, Tools(_own_checker() if grammar else None), force, lambda _count: None)


def _result(job: Job, future: Future[Path | PbenchError]) -> Path | PbenchError:
    try:
        return future.result()
    except BrokenProcessPool:
        return PbenchError(f"{job.run}: the process that scored it was killed; score it again")


@cache
def _own_checker() -> HarperChecker:
    return HarperChecker(threads=1)  # the other cores have processes of their own
