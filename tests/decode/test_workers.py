"""Worker processes: the same rows as one process, whatever happens to the workers; no orphans."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from pbench.artifacts import read_manifest, read_rows
from pbench.artifacts.rows import to_row
from pbench.decode import LocalRunner, decode_run, make_plan, run_identity
from pbench.decode.processes import process_pool
from pbench.errors import ArtifactError, UsageError
from tests.decode.crew import Crew
from tests.decode.test_run import task
from tests.forks import SECONDS, fork_workers, gone, runs, start
from tests.scripted import Scripted, hashed

forked = pytest.mark.usefixtures("forked_workers")  # the others start workers as pbench does


def samples(count: int = 10):
    return [replace(each, gen_length=4 + 4 * (each.index % 2)) for each in task(count).samples]


class OneRun:
    """A pool for a single run."""

    def __init__(self, crew: Crew, workers: int, batch_size):
        self.pool = process_pool(crew.load, ["cpu"] * workers, batch_size)
        self.inner = self.pool.runner(crew.assemble, crew.engines())

    def run(self, samples):
        with self.pool:
            yield from self.inner.run(samples)

    def __getattr__(self, name: str):
        return getattr(self.inner, name)


def pool(crew: Crew, workers: int = 2, batch_size=2) -> OneRun:
    return OneRun(crew, workers, batch_size)


def plain(rows):
    """Rows as they are written, without timings, in the order of the samples."""
    return [to_row(replace(row, seconds=None)) for row in sorted(rows, key=lambda row: row.sample.index)]


def alone(crew: Crew, of=None):
    return plain(LocalRunner(crew.engines(), 2).run(of or samples()))


def test_two_workers_give_the_rows_of_this_process_byte_for_byte(tmp_path):
    crew = Crew(tmp_path)
    assert plain(pool(crew).run(samples())) == alone(crew)
    assert 1 <= len(crew.started) <= 2  # one may be done with all before the other has started
    assert gone(crew.started)


@forked
def test_what_a_killed_worker_had_is_decoded_by_others_and_said(tmp_path):
    crew = Crew(tmp_path, deadly="p3", kills=1)
    run = pool(crew, batch_size=4)
    rows = list(run.run(samples()))
    assert plain(rows) == alone(Crew(tmp_path))
    (note,) = run.notes
    assert "killed by signal 9" in note
    assert "started anew at batch size 2" in note
    assert sorted(run.facts()["batch_sizes"]) == [2, 4]
    assert gone(crew.started)


@forked
def test_a_sample_that_takes_every_worker_with_it_is_an_error_and_the_others_are_not(tmp_path):
    crew = Crew(tmp_path, deadly="p3", kills=100)
    rows = {row.sample.index: row for row in pool(crew, 1).run(samples())}
    assert len(rows) == 10
    lost = rows.pop(3)
    assert (lost.status, lost.error_kind) == ("error", "worker_lost")
    assert {row.status for row in rows.values()} == {"ok"}
    assert len(list(tmp_path.glob("killed*"))) == 3


@forked
def test_a_batch_that_does_not_fit_is_halved_and_that_is_in_the_manifest(tmp_path):
    crew = Crew(tmp_path, fits=3)
    data = task(10)
    identity = run_identity(Scripted(hashed), crew.engines().sampler, crew.engines().options, None, {})
    plan = make_plan([data], identity)
    out = tmp_path / "a.parquet"
    result = decode_run(plan, pool(crew, 1, batch_size=8), out, lambda *_: None)
    assert result.counts == {"ok": 10}
    assert result.warnings == (
        "cpu: out of memory at batch size 8, went on with 4",
        "cpu: out of memory at batch size 4, went on with 2",
    )
    execution = read_manifest(out)["execution"]
    assert execution["notes"] == list(result.warnings)
    assert execution["batch_sizes"] == [2]
    assert plain(read_rows(out, "generations")) == alone(Crew(tmp_path), data.samples)


@forked
def test_a_model_that_cannot_be_loaded_is_one_error_and_leaves_nothing_behind(tmp_path):
    crew = Crew(tmp_path / "crew", broken=True)
    crew.folder.mkdir()
    identity = run_identity(Scripted(hashed), crew.engines().sampler, crew.engines().options, None, {})
    out = tmp_path / "runs" / "a.parquet"
    with pytest.raises(ArtifactError, match="is damaged"):
        decode_run(make_plan([task(3)], identity), pool(crew, 1), out, lambda *_: None)
    assert not out.parent.exists()
    assert gone(crew.started)


@forked
def test_a_pool_loads_a_model_once_for_many_runs(tmp_path):
    crew = Crew(tmp_path)
    with process_pool(crew.load, ["cpu", "cpu"], 2) as crew_pool:
        runs = 0
        while runs < 3 or crew.loads < 2:  # a worker that is still loading goes on from run to run
            runner = crew_pool.runner(crew.assemble, crew.engines())
            assert plain(runner.run(samples())) == alone(crew)
            assert runner.notes == []
            runs += 1
        one = samples()[:1]
        assert plain(crew_pool.runner(crew.assemble, crew.engines()).run(one)) == alone(crew, one)
    assert crew.loads == 2
    assert gone(crew.started)


@forked
def test_a_run_that_is_left_in_the_middle_does_not_disturb_the_next_one(tmp_path):
    crew = Crew(tmp_path, slow=0.01)
    with process_pool(crew.load, ["cpu", "cpu"], 2) as crew_pool:
        begun = crew_pool.runner(crew.assemble, crew.engines()).run(samples())
        next(begun)
        begun.close()
        assert plain(crew_pool.runner(crew.assemble, crew.engines()).run(samples())) == alone(crew)


@forked
def test_a_model_that_cannot_be_loaded_is_not_tried_again_by_each_run(tmp_path):
    crew = Crew(tmp_path, broken=True)
    with process_pool(crew.load, ["cpu"], 2) as crew_pool:
        for _ in range(3):
            with pytest.raises(ArtifactError, match="is damaged"):
                list(crew_pool.runner(crew.assemble, crew.engines()).run(samples()))
    assert crew.loads == 1


@forked
def test_a_worker_that_finds_another_model_refuses(tmp_path):
    crew = Crew(tmp_path)
    look = crew.engines()
    look.denoiser.identity = {"name": "scripted", "family": "scripted", "files": "of yesterday"}
    with process_pool(crew.load, ["cpu"], 2) as crew_pool, pytest.raises(UsageError, match="another model"):
        list(crew_pool.runner(crew.assemble, look).run(samples()))


def endless_run(folder: str) -> None:
    """A run of an hour by two workers."""
    fork_workers()
    for _ in pool(Crew(Path(folder), slow=1.0)).run(samples(2000)):
        pass


def test_no_worker_outlives_its_parent(tmp_path):
    """Here it ends by kill -9; with workers that begin afresh: tests/test_processes.py.

    tests/decode/test_cli_devices.py has Ctrl-C and SIGTERM.
    """
    crew = Crew(tmp_path)
    process = start(endless_run, str(tmp_path))
    until = time.monotonic() + SECONDS
    while len(crew.started) < 2 and process.is_alive() and time.monotonic() < until:
        time.sleep(0.05)
    started = crew.started
    assert len(started) == 2
    assert all(map(runs, started))
    process.kill()
    process.join(SECONDS)
    assert gone(started)
