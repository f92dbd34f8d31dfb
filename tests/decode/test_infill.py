"""--infill: the canvas of a list, and that no sampler touches what is written on it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pbench.artifacts import read_rows, samples_hash
from pbench.decode import (
    Engine,
    EngineOptions,
    Engines,
    LocalRunner,
    decode_run,
    fit_sample,
    make_plan,
    run_identity,
)
from pbench.decode.data import TaskData
from pbench.decode.infill import answer_canvas
from pbench.errors import UsageError
from pbench.samplers import make_sampler
from tests.samplers.test_invariants import CASES, Reader, fitted
from tests.scripted import EOS, MASK, Scripted, hashed, sample


def listed(*items: str, index: int = 0, form: str = "[MASK]", **metadata):
    text = "[" + ", ".join(f'"{item}"' for item in items) + "]"
    return replace(
        sample(index), answer=text, output_format=(form,) * len(items), metadata=metadata, gen_length=64
    )


def canvas(one, block_length=None):
    return answer_canvas(one, Scripted(hashed), block_length)


def ids(text: str) -> list[int]:
    return Scripted(hashed).encode_text(text)


def test_an_item_has_as_many_masks_as_its_tokens():
    found = canvas(listed("A", "bcd"))
    assert found == [*ids('["'), MASK, *ids('", "'), MASK, MASK, MASK, *ids('"]')]


def test_where_many_answers_are_right_the_example_counts():
    one = replace(listed("A", "bcd"), answer={"input": "[]", "example": '["xy", "z"]'})
    assert canvas(one) == [*ids('["'), MASK, MASK, *ids('", "'), MASK, *ids('"]')]


def test_a_fixed_number_of_masks_and_the_form_of_an_item():
    found = canvas(listed("A", "B", form="<[MASK]>", mask_tokens=2))
    assert found == [*ids('["<'), MASK, MASK, *ids('>", "<'), MASK, MASK, *ids('>"]')]


def test_a_canvas_is_filled_up_to_whole_blocks():
    bare = canvas(listed("A", "bcd"))
    assert len(bare) == 12
    assert canvas(listed("A", "bcd"), 8) == bare + [EOS] * 4
    assert canvas(listed("A", "bcd"), 6) == bare
    assert fit_sample(listed("A", "bcd"), Scripted(hashed), 8).gen_length == 16


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (sample(0), "task 'test/scripted' has no output_format"),
        (replace(listed("A", "B"), answer='["A"]'), "test/scripted/0: its answer has 1 items, .* 2"),
        (replace(listed("A", "B"), answer={"words": []}), "0 items"),
        (replace(listed("A", "B"), answer="no list"), "0 items"),
    ],
)
def test_what_cannot_be_infilled_is_refused(one, words):
    with pytest.raises(UsageError, match=words):
        canvas(one)


def decode(name, options, samples, block_length=None, **engine):
    fit = [fit_sample(one, Scripted(hashed), block_length) for one in samples]
    (length,) = {one.gen_length for one in fit}
    steps = {"steps": 12} if "steps" in options else {}
    sampler = make_sampler(name, fitted(options, 4) | steps)
    verifier = Reader() if sampler.traits.verifier else None
    run = Engine(
        Scripted(hashed), sampler, length, EngineOptions(block_length, infill=True, **engine), verifier
    )
    return {answer.sample.index: replace(answer, seconds=None) for answer in run.run(fit)}


@pytest.mark.parametrize("case", CASES, ids=[f"{name}-{','.join(options)}" for name, options in CASES])
@pytest.mark.parametrize("block_length", [None, 8])
def test_no_sampler_touches_what_is_given(case, block_length):
    name, options = case
    samples = [listed("a" * (1 + i % 2), "b" * (2 - i % 2), "cc", index=i) for i in range(3)]
    for answer in decode(name, options, samples, block_length).values():
        given = answer_canvas(answer.sample, Scripted(hashed), block_length)
        masks = {position for position, token in enumerate(given) if token == MASK}
        assert answer.status == "ok"
        assert {event.position for event in answer.trace} == masks
        assert all(answer.output_ids[i] == token for i, token in enumerate(given) if i not in masks)
        assert all((answer.commit_step[i] == 0) == (i not in masks) for i in range(len(given)))


@pytest.mark.parametrize("options", [{}, {"eos": "stop"}, {"cache": "dual"}, {"temperature": 1.0}])
def test_batch_neighbours_change_nothing(options):
    samples = [listed("a" * (1 + i % 2), "b" * (2 - i % 2), "cc", index=i) for i in range(5)]
    alone = decode("confidence", {"k": 2}, samples, 8, batch_size=1, **options)
    assert decode("confidence", {"k": 2}, samples, 8, batch_size=3, **options) == alone


def test_an_end_inside_an_item_does_not_end_the_list():
    def ending(canvas, row, position):
        logits = hashed(canvas, row, position)
        logits[EOS] = 50.0
        return logits

    one = fit_sample(listed("a", "b"), Scripted(hashed), None)
    engine = Engine(
        Scripted(ending),
        make_sampler("left-to-right", {"k": 1}),
        one.gen_length,
        EngineOptions(eos="stop", infill=True),
    )
    (answer,) = engine.run([one])
    assert answer.nfe == 2
    assert answer.output_ids[-2:] == tuple(ids('"]'))


def test_a_canvas_without_a_mask_takes_no_forward():
    one = replace(listed("a"), output_format=("x",), answer='["a"]')
    denoiser = Scripted(hashed)
    fit = fit_sample(one, denoiser, None)
    engine = Engine(
        denoiser, make_sampler("confidence", {"k": 1}), fit.gen_length, EngineOptions(infill=True)
    )
    (answer,) = engine.run([fit])
    assert (answer.nfe, denoiser.forwards, answer.status) == (0, 0, "ok")


def test_a_run_decodes_canvases_of_several_lengths(tmp_path):
    samples = tuple(listed(*"abcdefg"[: 2 + i % 3], index=i) for i in range(9))
    task = TaskData("test/scripted", samples_hash(samples), {"task": "test/scripted"}, samples)
    denoiser, sampler = Scripted(hashed), make_sampler("confidence", {"k": 1})
    options = EngineOptions(batch_size=4, infill=True)
    identity = run_identity(denoiser, sampler, options, None, {})
    assert identity["infill"] is True
    plan = make_plan([task], identity, fit=lambda one: fit_sample(one, denoiser, None))
    result = decode_run(
        plan, LocalRunner(Engines(denoiser, sampler, options), 2), tmp_path / "a.parquet", lambda *_: None
    )
    assert result.counts == {"ok": 9}
    rows = list(read_rows(result.path, "generations"))
    assert [row.nfe for row in rows] == [2, 3, 4] * 3
    assert [row.gen_length for row in rows] == [len(row.output_ids) for row in rows]
