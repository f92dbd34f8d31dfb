"""One process: batches that do not fit are halved, a sample that does not fit is an error row."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pbench.decode import EngineOptions, Engines, LocalRunner, Texts
from pbench.errors import UsageError
from pbench.interfaces import GenerationSettings
from pbench.records import Generation
from pbench.samplers import make_sampler
from tests.decode.crew import Crew
from tests.decode.test_workers import plain, samples
from tests.scripted import Scripted, hashed


def test_a_batch_that_does_not_fit_is_halved_and_the_answers_are_the_same(tmp_path):
    whole = LocalRunner(Crew(tmp_path).engines(), 8)
    small = LocalRunner(Crew(tmp_path, fits=2).engines(), 8)
    assert plain(small.run(samples())) == plain(whole.run(samples()))
    assert [note.partition(": ")[2] for note in small.notes] == [
        "out of memory at batch size 8, went on with 4",
        "out of memory at batch size 4, went on with 2",
    ]
    assert small.facts() == {"devices": ["cpu"], "batch_size": 8, "batch_sizes": [2]}
    assert whole.notes == []


def test_a_sample_that_does_not_fit_alone_is_an_error_and_the_others_are_not(tmp_path):
    class Picky(Scripted):
        def logits(self, canvas, positions, cache=None):
            if 7 in canvas.ids[:, : canvas.answer_start].tolist()[-1][-1:] or len(canvas.ids) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory\nTried to allocate")
            return super().logits(canvas, positions, cache)

    engines = Engines(Picky(hashed), make_sampler("confidence", {"k": 1}), EngineOptions())
    rows = {row.sample.index: row for row in LocalRunner(engines, 4).run(samples())}
    bad = [index for index, row in rows.items() if row.status == "error"]
    assert len(rows) == 10
    assert 0 < len(bad) < 10
    assert {rows[index].error_kind for index in bad} == {"out_of_memory"}
    assert rows[bad[0]].error == "cpu: CUDA out of memory"


def test_other_errors_of_a_model_are_not_swallowed(tmp_path):
    class Broken(Scripted):
        def logits(self, canvas, positions, cache=None):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    engines = Engines(Broken(hashed), make_sampler("confidence", {"k": 1}), EngineOptions())
    with pytest.raises(RuntimeError, match="mat1"):
        list(LocalRunner(engines, 4).run(samples()))


def test_auto_finds_a_size_before_the_first_row_and_says_it(tmp_path):
    runner = LocalRunner(Crew(tmp_path).engines(), "auto")
    assert plain(runner.run(samples())) == plain(LocalRunner(Crew(tmp_path).engines(), 3).run(samples()))
    facts = runner.facts()
    assert facts["batch_size"] == "auto"
    assert facts["batch_sizes"] == [10]  # these rows are small: all of them


def test_a_probe_costs_one_forward_pass(tmp_path):
    engines = Crew(tmp_path).engines()
    engines.probe(samples()[:4])
    assert engines.denoiser.forwards == 1
    assert engines.row_bytes(samples()) > 0


class Echo:
    """A text generator that says the prompt; two samples at most at a time."""

    name = family = "echo"
    identity = {"name": "echo", "family": "echo"}  # noqa: RUF012
    Options = GenerationSettings

    def supports(self, task: str) -> str | None:
        return None

    def run(self, samples, settings):
        if settings.temperature:
            raise UsageError("echo draws nothing")
        waiting = list(samples)
        for start in range(0, len(waiting), settings.batch_size):
            batch = waiting[start : start + settings.batch_size]
            if len(batch) > 2:
                raise MemoryError
            for each in batch:
                text = each.messages[-1]["content"]
                yield Generation(sample=each, status="ok", output_text=text, gen_length=len(text))


def test_a_text_generator_runs_the_same_way():
    runner = LocalRunner(Texts(Echo(), GenerationSettings()), 8)
    assert sorted(row.output_text for row in runner.run(samples())) == sorted(f"p{i}" for i in range(10))
    assert runner.facts()["batch_sizes"] == [2]
    with pytest.raises(UsageError, match="draws nothing"):
        Texts(Echo(), replace(GenerationSettings(), temperature=1.0)).check(samples())
