"""Where a run takes place: what the options mean, and a model that is loaded once, or not at all."""

from __future__ import annotations

import pytest

from pbench.decode.hosts import Here, OnRay, Processes, chosen_where
from pbench.errors import ArtifactError, UsageError
from tests.decode.crew import Crew
from tests.decode.test_workers import alone, plain, samples


def test_what_the_options_mean():
    assert chosen_where("local") == Here("cpu")
    assert chosen_where("local", workers=3) == Processes(("cpu", "cpu", "cpu"))
    assert chosen_where("ray", workers=3) == OnRay(None, 3, 0.0)
    assert chosen_where("ray", address="auto", gpus_per_worker=0.5).device == "cuda:0"
    assert chosen_where("ray").device == "cpu"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"engine": "ray", "gpus": ["0"]}, "--gpus is for this machine"),
        ({"engine": "ray", "device": "cpu"}, "--device is for this machine"),
        ({"engine": "local", "address": "auto"}, "--address is for Ray; add --engine ray"),
        ({"engine": "local", "gpus_per_worker": 1.0}, "--gpus-per-worker is for Ray"),
    ],
)
def test_options_that_contradict_each_other(options, words):
    with pytest.raises(UsageError, match=words):
        chosen_where(**options)


def test_this_process_loads_a_model_once_and_only_if_there_is_something_to_decode(tmp_path):
    crew = Crew(tmp_path)
    with Here().open(crew.load, 2) as host:
        idle = host.runner(crew.assemble, crew.engines())
        idle.check(samples())
        assert idle.facts()["batch_sizes"] == [None]
        assert not list(tmp_path.iterdir())
        for _ in range(2):
            runner = host.runner(crew.assemble, crew.engines())
            assert plain(runner.run(samples())) == alone(crew)
            assert runner.facts() == {"devices": ["cpu"], "batch_size": 2, "batch_sizes": [2]}
    assert crew.loads == 1


def test_a_model_that_cannot_be_loaded_is_tried_once(tmp_path):
    crew = Crew(tmp_path, broken=True)
    with Here().open(crew.load, 2) as host:
        for _ in range(2):
            with pytest.raises(ArtifactError, match="is damaged"):
                list(host.runner(crew.assemble, crew.engines()).run(samples()))
    assert crew.loads == 1
