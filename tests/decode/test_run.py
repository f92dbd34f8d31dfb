"""The run around the engine: files, journal, resume, refusals. Scripted denoiser throughout."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

import pbench.decode.run as run_module
from pbench.artifacts import Journal, read_manifest, read_rows, run_lock, samples_hash
from pbench.decode import (
    EngineOptions,
    Engines,
    LocalRunner,
    decode_run,
    journal_path,
    make_plan,
    run_identity,
    run_name,
)
from pbench.decode.data import TaskData, spread
from pbench.errors import LockedError, UsageError
from pbench.samplers import make_sampler
from tests.forks import finish
from tests.scripted import Scripted, hashed, sample

OPTIONS = EngineOptions(batch_size=3)


def task(count: int = 10, name: str = "test/scripted", prompt: str = "p") -> TaskData:
    samples = tuple(sample(i, f"{prompt}{i}", task=name) for i in range(count))
    return TaskData(name, samples_hash(samples), {"task": name}, samples)


def plan(tasks, *, k=1, limit=None, options=OPTIONS):
    sampler = make_sampler("confidence", {"k": k})
    identity = run_identity(Scripted(hashed), sampler, options, None, {})
    return make_plan(tasks, identity, limit=limit, command=["pbench", "decode"]), sampler


def run(out: Path, tasks, denoiser=None, *, k=1, limit=None, seen=None):
    seen = [] if seen is None else seen
    asked, sampler = plan(tasks, k=k, limit=limit)
    denoiser = denoiser or Scripted(hashed)
    runner = LocalRunner(Engines(denoiser, sampler, OPTIONS), OPTIONS.batch_size)
    return decode_run(asked, runner, out, lambda _total, rows: seen.append(rows))


def rows(out: Path):
    return [replace(row, seconds=None) for row in read_rows(out, "generations")]


def journalled(out: Path) -> int:
    replay = Journal.open(journal_path(out))
    replay.journal.close()
    return len(replay.rows)


def test_a_finished_run_leaves_one_file_and_nothing_else(tmp_path):
    out = tmp_path / "runs" / "a.parquet"
    result = run(out, [task()])
    assert result.counts == {"ok": 10}
    assert list(out.parent.iterdir()) == [out]
    manifest = read_manifest(out)
    assert manifest["status"] == "complete"
    assert manifest["tasks"]["test/scripted"] == {
        "category": "waiting_line",
        "metric": "list_match",
        "headline": "score",
        "samples": 10,
        "selected": 10,
        "done": 10,
    }


def test_the_same_again_decodes_nothing(tmp_path):
    out = tmp_path / "a.parquet"
    run(out, [task()])
    before, denoiser = out.read_bytes(), Scripted(hashed)
    assert run(out, [task()], denoiser).decoded == 0
    assert denoiser.forwards == 0
    assert out.read_bytes() == before


def test_more_tasks_and_a_larger_limit_extend_the_file(tmp_path):
    out = tmp_path / "a.parquet"
    assert run(out, [task()], limit=4).decoded == 4
    assert run(out, [task()], limit=7).decoded == 3
    assert run(out, [task(), task(5, "test/other")]).decoded == 3 + 5
    whole = tmp_path / "b.parquet"
    run(whole, [task(), task(5, "test/other")])
    assert rows(out) == rows(whole)


def test_an_interrupted_run_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("pbench.decode.run.FLUSH_SECONDS", 0.0)
    out, whole = tmp_path / "a.parquet", tmp_path / "b.parquet"

    class Stopping(Scripted):
        def logits(self, canvas, positions):
            if self.forwards == 12:
                raise KeyboardInterrupt
            return super().logits(canvas, positions)

    with pytest.raises(KeyboardInterrupt):
        run(out, [task()], Stopping(hashed))
    assert not out.exists()
    assert journal_path(out).exists()
    done = len(journal_path(out).read_bytes().splitlines()) - 1
    assert 0 < done < 10
    assert run(out, [task()]).decoded == 10 - done
    run(whole, [task()])
    assert rows(out) == rows(whole)
    assert not journal_path(out).exists()


def test_a_burst_is_in_the_journal_before_the_next_row_comes(tmp_path):
    out, found = tmp_path / "a.parquet", []
    asked, sampler = plan([task()])

    class Slow(LocalRunner):
        def run(self, samples):
            answers = super().run(samples)
            for _ in range(3):  # one batch, finished at one step
                yield next(answers)
            until = time.monotonic() + 60
            while len(found) < 3 and time.monotonic() < until:
                found[:] = (
                    journal_path(out).read_bytes().splitlines()[1:] if journal_path(out).exists() else []
                )
                time.sleep(0.01)
            yield from answers

    decode_run(asked, Slow(Engines(Scripted(hashed), sampler, OPTIONS), 3), out, lambda *_: None)
    assert len(found) == 3


def test_a_journal_of_more_tasks_than_are_asked_for_now_keeps_them(tmp_path, monkeypatch):
    monkeypatch.setattr("pbench.decode.run.FLUSH_SECONDS", 0.0)
    out = tmp_path / "a.parquet"
    with pytest.raises(KeyboardInterrupt):
        run(out, [task(4), task(4, "test/other")], _stop_after(18))
    run(out, [task(4)])
    tasks = read_manifest(out)["tasks"]
    assert (tasks["test/scripted"]["done"], tasks["test/other"]["samples"]) == (4, 4)


def killed_run(out: Path, forwards: int) -> None:
    class Killing(Scripted):
        def logits(self, canvas, positions):
            if self.forwards == forwards:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().logits(canvas, positions)

    run_module.FLUSH_SECONDS = 0.0
    run(out, [task()], Killing(hashed))


def test_kill_9_in_the_middle_and_resume_gives_the_same_rows(tmp_path):
    out, whole = tmp_path / "a.parquet", tmp_path / "b.parquet"
    for forwards in (9, 14):
        assert finish(killed_run, out, forwards) == -signal.SIGKILL
    assert not out.exists()
    kept = journalled(out)
    assert 0 < kept < 10
    assert run(out, [task()]).decoded == 10 - kept
    run(whole, [task()])
    assert rows(out) == rows(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


def test_a_torn_journal_line_is_dropped_with_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr("pbench.decode.run.FLUSH_SECONDS", 0.0)
    out = tmp_path / "a.parquet"
    with pytest.raises(KeyboardInterrupt):
        run(out, [task()], _stop_after(12))
    journal = journal_path(out)
    journal.write_bytes(journal.read_bytes()[:-5])
    result = run(out, [task()])
    assert len(result.warnings) == 1
    assert "torn" in result.warnings[0]
    assert result.counts == {"ok": 10}


def _stop_after(forwards: int) -> Scripted:
    class Stopping(Scripted):
        def logits(self, canvas, positions):
            if self.forwards == forwards:
                raise KeyboardInterrupt
            return super().logits(canvas, positions)

    return Stopping(hashed)


def test_another_configuration_or_other_data_on_the_same_file_is_refused(tmp_path):
    out = tmp_path / "a.parquet"
    run(out, [task()])
    before = out.read_bytes()
    with pytest.raises(UsageError, match=r"sampler\.options\.k: 1 -> 2"):
        run(out, [task()], k=2)
    with pytest.raises(UsageError, match=r"data\.test/scripted"):
        run(out, [task(prompt="other")])
    assert out.read_bytes() == before


def test_two_writers(tmp_path):
    out = tmp_path / "a.parquet"
    with run_lock(out), pytest.raises(LockedError, match=str(os.getpid())):
        run(out, [task()])
    assert run(out, [task()]).counts == {"ok": 10}


def test_errors_are_rows_and_are_tried_again(tmp_path):
    out = tmp_path / "a.parquet"

    def broken(canvas, row, position):
        logits = hashed(canvas, row, position)
        return logits * float("nan") if int(canvas.ids[row][canvas.answer_start - 1]) == 7 else logits

    first = run(out, [task()], Scripted(broken))
    assert first.counts == {"error": 1, "ok": 9}
    (failed,) = [row for row in read_rows(out, "generations") if row.status == "error"]
    assert (failed.error_kind, failed.attempt, failed.output_text) == ("non_finite", 1, "")
    second = run(out, [task()])
    assert (second.decoded, second.counts) == (1, {"ok": 10})
    assert [row.attempt for row in read_rows(out, "generations")].count(2) == 1


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    out = tmp_path / "a.parquet"
    run(out, [task(5)])
    before = out.read_bytes()

    def refuse(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pbench.decode.run.write_artifact", refuse)
        with pytest.raises(OSError, match="No space left"):
            run(out, [task(5), task(3, "test/more")])
    assert out.read_bytes() == before
    assert journalled(out) == 3
    assert run(out, [task(5), task(3, "test/more")]).decoded == 0
    assert len(rows(out)) == 8


def test_config_id_stands_for_what_determines_answers_and_nothing_else():
    base, _ = plan([task()])
    assert plan([task(), task(3, "test/other")], limit=2)[0].identity == base.identity
    assert plan([task()], options=EngineOptions(batch_size=64))[0].identity == base.identity
    names = {run_name(base.identity)}
    names.add(run_name(plan([task()], k=2)[0].identity))
    names.add(run_name(plan([task()], options=EngineOptions(block_length=4))[0].identity))
    names.add(run_name(plan([task()], options=EngineOptions(seed=1))[0].identity))
    names.add(run_name(plan([task()], options=EngineOptions(temperature=0.5))[0].identity))
    assert len(names) == 5
    assert run_name(base.identity).startswith("scripted-confidence-k1-")


def test_a_limit_is_spread_over_the_task_and_a_larger_one_contains_it():
    samples = task(100).samples
    chosen = [[s.index for s in spread(samples, limit)] for limit in (4, 8, 20, 100, 500)]
    assert [len(each) for each in chosen] == [4, 8, 20, 100, 100]
    assert all(set(small) <= set(large) for small, large in pairwise(chosen))
    assert {index // 25 for index in chosen[0]} == {0, 1, 2, 3}


def test_answers_without_a_gap_are_decoded_again_where_it_is_asked_for(tmp_path):
    out, tasks = tmp_path / "run.parquet", [task(5)]
    options = replace(OPTIONS, measure_gap=True)
    asked, sampler = plan(tasks, k=2, options=options)
    assert asked.identity == plan(tasks, k=2)[0].identity  # it decides no answer
    run(out, tasks, k=2, limit=2)
    plain = {row.sample.sample_id: row.output_ids for row in rows(out)}
    runner = LocalRunner(Engines(Scripted(hashed), sampler, options), OPTIONS.batch_size)
    asked = replace(asked, measure_gap=True)
    result = decode_run(asked, runner, out, lambda _total, _rows: None)
    assert result.decoded == 5
    assert any("2 answers have no dependency gap" in warning for warning in result.warnings)
    assert all(row.gap is not None for row in rows(out))
    assert plain.items() <= {row.sample.sample_id: row.output_ids for row in rows(out)}.items()
    assert read_manifest(out)["gaps"] == 5
    assert decode_run(asked, runner, out, lambda _total, _rows: None).decoded == 0
    assert run(out, tasks, k=2).decoded == 0
