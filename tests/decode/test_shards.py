"""Shards: every sample in one of them, and together the run that was never cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.artifacts import read_manifest, read_rows, run_lock, write_artifact
from pbench.decode import Engines, LocalRunner, Shard, decode_run, journal_path, make_plan
from pbench.decode.shards import deal, shard_path, shard_paths, shard_samples
from pbench.errors import LockedError, UsageError
from tests.decode.test_run import OPTIONS, _stop_after, plan, task
from tests.scripted import Scripted, hashed, sample

TIMED = ("started", "ended", "decoded_seconds", "execution", "command")


def run(out: Path, tasks, shard: str | None = None, denoiser=None, *, k=1):
    whole, sampler = plan(tasks, k=k)
    asked = make_plan(tasks, whole.identity, shard=None if shard is None else Shard.parse(shard))
    runner = LocalRunner(Engines(denoiser or Scripted(hashed), sampler, OPTIONS), OPTIONS.batch_size)
    return decode_run(asked, runner, out, lambda *_: None)


def timeless(path: Path, to: Path) -> bytes:
    """The bytes of the file without what clocks and places say."""
    rows = [replace(row, seconds=None) for row in read_rows(path, "generations")]
    kept = {key: value for key, value in read_manifest(path).items() if key not in TIMED}
    return write_artifact(to, "generations", rows, kept).read_bytes()


@given(st.integers(0, 60), st.integers(1, 9))
def test_every_sample_is_in_one_shard_and_shards_are_even(total, count):
    samples = [sample(index) for index in range(total)]
    parts = [shard_samples(samples, Shard(index, count)) for index in range(1, count + 1)]
    together = [each.sample_id for part in parts for each in part]
    assert sorted(together) == sorted(each.sample_id for each in samples)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert all([s.index for s in part] == sorted(s.index for s in part) for part in parts)


@given(st.lists(st.integers(0, 1000), max_size=40), st.integers(1, 6))
def test_whole_items_are_dealt_out_by_cost(costs, count):
    items = list(range(len(costs)))
    parts = [deal(items, costs, Shard(index, count)) for index in range(1, count + 1)]
    assert sorted(item for part in parts for item in part) == items
    assert all(part == sorted(part) for part in parts)
    loads = [sum(max(1, costs[item]) for item in part) for part in parts]
    assert max(loads) - min(loads) <= max([1, *costs])


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "1/", "a/b", "-1/4", "1/4/2", "01/4"])
def test_what_is_no_shard(text):
    with pytest.raises(UsageError, match="part/parts"):
        Shard.parse(text)


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_shards_become_the_file_of_the_whole_run(tmp_path, suffix):
    out, whole = tmp_path / f"a{suffix}", tmp_path / "whole" / f"a{suffix}"
    tasks = [task(), task(7, "test/other")]
    decoded = [run(out, tasks, f"{index}/3").decoded for index in (3, 1, 2)]
    assert sum(decoded) == 17
    assert [path.name for path in shard_paths(out)] == [f"a.shard-{i}-of-3{suffix}" for i in (1, 2, 3)]
    manifest = read_manifest(shard_path(out, Shard(2, 3)))
    assert (manifest["status"], manifest["shard"]) == ("partial", "2/3")
    denoiser = Scripted(hashed)
    result = run(out, tasks, denoiser=denoiser)
    assert (result.decoded, result.shards, result.counts) == (0, 3, {"ok": 17})
    assert denoiser.forwards == 0
    run(whole, tasks)
    assert timeless(out, tmp_path / "x.parquet") == timeless(whole, tmp_path / "y.parquet")
    assert [part["shard"] for part in read_manifest(out)["execution"]["shards"]] == ["1/3", "2/3", "3/3"]
    left = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    assert [name for name in left if name[0] == "a"] == sorted(
        [out.name, *([f"{out.name}.manifest.json"] if suffix == ".jsonl" else [])]
    )


def test_what_a_shard_lacks_or_was_killed_in_is_decoded_by_the_whole_run(tmp_path):
    out, whole = tmp_path / "a.parquet", tmp_path / "whole.parquet"
    run(out, [task()], "1/2")
    with pytest.raises(KeyboardInterrupt):
        run(out, [task()], "2/2", _stop_after(12))
    assert journal_path(shard_path(out, Shard(2, 2))).exists()
    result = run(out, [task()])
    assert 0 < result.decoded < 5
    assert result.shards == 2
    run(whole, [task()])
    assert timeless(out, tmp_path / "x.parquet") == timeless(whole, tmp_path / "y.parquet")
    assert sorted(path.name for path in tmp_path.glob("a*")) == ["a.parquet"]


def test_what_the_run_has_already_no_shard_decodes(tmp_path):
    out = tmp_path / "a.parquet"
    run(out, [task(6)])
    assert run(out, [task(6)], "1/2").path == out
    more = run(out, [task(6), task(4, "test/other")], "1/2")
    assert more.path == shard_path(out, Shard(1, 2))
    assert {row.sample.task for row in read_rows(more.path, "generations")} == {"test/other"}


def test_shards_of_another_cut_go_together_too(tmp_path):
    out = tmp_path / "a.parquet"
    for shard in ("1/2", "1/3", "2/3"):
        run(out, [task()], shard)
    result = run(out, [task()])
    assert result.counts == {"ok": 10}
    assert len(list(read_rows(out, "generations"))) == 10


def test_a_shard_at_work_keeps_the_others_waiting_and_a_foreign_one_is_refused(tmp_path):
    out = tmp_path / "a.parquet"
    run(out, [task()], "1/2")
    with run_lock(shard_path(out, Shard(1, 2))), pytest.raises(LockedError, match="shard-1-of-2"):
        run(out, [task()])
    with pytest.raises(UsageError, match=r"shard-1-of-2.*sampler.options.k"):
        run(out, [task()], k=2)
    assert not out.exists()


def test_more_shards_than_samples_are_empty_files(tmp_path):
    out = tmp_path / "a.parquet"
    for index in range(1, 5):
        run(out, [task(2)], f"{index}/4")
    assert run(out, [task(2)]).counts == {"ok": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
