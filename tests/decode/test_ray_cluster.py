"""Actors on a Ray cluster of two nodes on the loopback address, one of which goes away in the middle."""

from __future__ import annotations

import gc
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pbench.artifacts import read_manifest, read_rows
from pbench.artifacts.rows import to_row
from pbench.cli import app as root
from pbench.decode.hosts import OnRay
from pbench.decode.ray_cluster import _workers
from pbench.errors import UsageError
from tests.decode.crew import Crew
from tests.decode.test_workers import alone, plain, samples
from tests.forks import ROOT

if not root.app.registered_commands:
    root._register()

# A killed node refuses eight checks in 2.4 s; one that only waits for a busy processor has two minutes.
# Ray's workers have niceness 15: beside other tests they would wait minutes for seconds of processor.
_SETTINGS = {
    "worker_niceness": 0,
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 300,
    "health_check_failure_threshold": 8,
    "health_check_timeout_ms": 15_000,
}


@pytest.fixture
def cluster(monkeypatch, tmp_path):
    """A node with room for two workers; what it starts finds pbench and the tests."""
    pytest.importorskip("ray", reason="Ray is an extra: pip install 'pbench[ray]'")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    handler = signal.getsignal(signal.SIGTERM)
    head = {"num_cpus": 2, "include_dashboard": False, "_system_config": _SETTINGS}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield cluster
    finally:
        cluster.shutdown()
        signal.signal(signal.SIGTERM, handler)
        gc.collect()  # what Ray leaves open is warned of here, where that is no error, and in no later test


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_node_that_goes_away_costs_no_answer(cluster, tmp_path, capsys):
    node = cluster.add_node(num_cpus=1)
    crew = Crew(tmp_path, slow=0.05)
    todo = samples(24)
    with OnRay(cluster.address, workers=2).open(crew.load, 2) as host:
        runner = host.runner(crew.assemble, crew.engines())
        rows = []
        for row in runner.run(todo):
            rows.append(row)
            if len(rows) == 6:
                cluster.remove_node(node, allow_graceful=False)
        assert plain(rows) == alone(Crew(tmp_path), todo)
        (note,) = runner.notes
        # It "died because its node has died" or "is unavailable": whichever Ray notices first.
        assert "was lost (The actor " in note
        assert "unfinished samples go to others" in note
        loads = crew.loads
        again = host.runner(crew.assemble, crew.engines())  # the model stays for the next run
        assert plain(again.run(todo[:4])) == alone(Crew(tmp_path), todo[:4])
        assert loads <= crew.loads <= 3  # two to begin with; another one where there is room
        assert again.facts()["devices"] == ["cpu", "cpu"]
    assert capsys.readouterr().out == ""
    _commands_give_the_same_answers(cluster.address, tmp_path)


def _commands_give_the_same_answers(address: str, folder: Path) -> None:
    """One process, shards and what is left of the cluster: one start of a cluster for two tests."""
    command = ["decode", "--tasks", "copy,shuffle", "--limit", "5", "--k", "8"]
    ways = {
        "one": [],
        "ray": ["--engine", "ray", "--address", address, "--workers", "1"],
    }
    for name, options in ways.items():
        assert root._run([*command, *options, "--out", str(folder / f"{name}.parquet")]) == 0
    for shard in ("2/3", "1/3", "3/3", None):
        part = [] if shard is None else ["--shard", shard]
        assert root._run([*command, *part, "--out", str(folder / "shards.parquet")]) == 0
    one = answers(folder / "one.parquet")
    assert len(one[1]) == 10
    for name in ("ray", "shards"):
        assert answers(folder / f"{name}.parquet") == one


def answers(path: Path):
    """The identity of a run and what it says of its samples; confidences may differ in their last bit."""
    rows = read_rows(path, "generations")
    traces = [(row, [(e.step, e.position, e.token_id, e.event) for e in row.trace]) for row in rows]
    plain = [to_row(replace(row, seconds=None, trace=None)) | {"trace": trace} for row, trace in traces]
    return read_manifest(path)["config_id"], plain


def test_what_a_cluster_has_no_room_for_is_said():
    assert _workers(OnRay(), {"CPU": 8.0}) == 8
    assert _workers(OnRay(gpus_per_worker=0.5), {"CPU": 8.0, "GPU": 2.0}) == 4
    with pytest.raises(UsageError, match=r"\(8 CPUs, 2 GPUs\) has room for 2 workers of 1 CPU and 1 GPU"):
        _workers(OnRay(workers=3, gpus_per_worker=1.0), {"CPU": 8.0, "GPU": 2.0})
    with pytest.raises(UsageError, match="room for 0 workers"):
        _workers(OnRay(gpus_per_worker=1.0), {"CPU": 8.0})


def test_rays_client_cannot_stream_rows(tmp_path):
    crew = Crew(tmp_path)
    with OnRay("ray://head:10001").open(crew.load, 2) as host, pytest.raises(UsageError, match="stream"):
        list(host.runner(crew.assemble, crew.engines()).run(samples(2)))


def test_an_address_where_nothing_listens_is_said_at_once(tmp_path):
    pytest.importorskip("ray")
    crew = Crew(tmp_path)
    with OnRay("127.0.0.1:9").open(crew.load, 2) as host, pytest.raises(UsageError, match="no Ray cluster"):
        list(host.runner(crew.assemble, crew.engines()).run(samples(2)))


def test_without_ray_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    crew = Crew(tmp_path)
    with OnRay().open(crew.load, 2) as host, pytest.raises(UsageError, match=r"pbench\[ray\]"):
        list(host.runner(crew.assemble, crew.engines()).run(samples(2)))
