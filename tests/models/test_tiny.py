"""The bundled checkpoint: loads, refuses what it cannot read, and shows the paper's effect."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache
from itertools import islice

import pytest
import torch

from pbench.decode import Engine, EngineOptions
from pbench.errors import ArtifactError, UsageError
from pbench.metrics import MetricTools, score_many
from pbench.models import find_model, known_models, load_model
from pbench.samplers import make_sampler
from pbench.tasks import generate, load_suite, reference_text

LIST_TASKS = {spec.name: spec for spec in load_suite("waiting_line").tasks}


@cache
def tiny():
    return load_model(find_model("tiny"), "cpu")


@cache
def samples(task: str, count: int):
    every = list(generate(LIST_TASKS[task]))
    return tuple(islice(every, 0, None, len(every) // count))[:count]


def answers(task: str, sampler: tuple[str, tuple], count: int = 24, batch_size: int = 24, block=None):
    engine = Engine(
        tiny(), make_sampler(sampler[0], dict([sampler[1]])), 32, EngineOptions(block, batch_size=batch_size)
    )
    return sorted(engine.run(samples(task, count)), key=lambda answer: answer.sample.index)


def accuracy(task: str, sampler: tuple[str, tuple]) -> float:
    rows = answers(task, sampler)
    metric = rows[0].sample.metric
    outcomes = score_many(
        metric, [r.output_text for r in rows], [r.sample.answer for r in rows], MetricTools()
    )
    return sum(values["score"] for values, _ in outcomes) / len(rows)


def test_the_effect_copy_stays_and_shuffle_and_replace_random_fall():
    for task in ("waiting_line/copy", "waiting_line/reverse"):
        assert accuracy(task, ("confidence", ("k", 1))) >= 0.9
        assert accuracy(task, ("confidence", ("k", 16))) >= 0.9
    for task in ("waiting_line/shuffle", "waiting_line/replace_random"):
        assert accuracy(task, ("confidence", ("k", 1))) >= 0.8
        assert accuracy(task, ("confidence", ("k", 16))) <= 0.3


@pytest.mark.parametrize("sampler", [("confidence", ("k", 4)), ("threshold", ("gamma", 0.8))])
@pytest.mark.parametrize("block", [None, 8])
def test_batch_size_changes_nothing(sampler, block):
    together = answers("waiting_line/insert_random", sampler, 12, 12, block)
    alone = answers("waiting_line/insert_random", sampler, 12, 1, block)
    for left, right in zip(together, alone, strict=True):
        assert (left.output_ids, left.commit_step, left.nfe) == (
            right.output_ids,
            right.commit_step,
            right.nfe,
        )


def test_every_task_that_it_claims_can_be_read_and_written():
    specs = {spec.name: spec for suite in ("waiting_line", "puzzle") for spec in load_suite(suite).tasks}
    for name in tiny().config.tasks:
        assert tiny().supports(name) is None
        for sample in islice(generate(specs[name]), 20):
            assert len(tiny().encode(sample)) <= tiny().config.max_prompt_length
            target = reference_text(sample)
            ids = tiny().tokenizer.encode(target, add_special_tokens=False).ids
            assert tiny().decode([*ids, tiny().eos_token_id]) == target


def test_the_mask_token_has_no_probability():
    from pbench.decode.canvas import BatchCanvas

    canvas = BatchCanvas(32, tiny().mask_token_id, tiny().pad_token_id, torch.device("cpu"))
    canvas.extend([tiny().encode(samples("waiting_line/copy", 4)[0])], [[tiny().mask_token_id] * 32])
    logits = tiny().logits(canvas, torch.tensor([[0, canvas.answer_start], [0, canvas.answer_start + 31]]))
    assert logits.shape == (2, tiny().vocab_size)
    assert bool((logits[:, tiny().mask_token_id] == -torch.inf).all())


def test_other_prompts_are_refused_and_not_guessed_at():
    sample = samples("waiting_line/copy", 4)[0]
    strange = replace(sample, messages=({"role": "user", "content": "Tell me a story, Helen Adams."},))
    with pytest.raises(UsageError, match="cannot read this prompt"):
        tiny().encode(strange)
    with pytest.raises(UsageError, match="gen_length 128"):
        tiny().encode(replace(sample, gen_length=128))
    assert "trained on" in tiny().supports("words_to_sentence/easy")


def test_a_checkpoint_folder_is_a_model_and_a_broken_one_an_error(tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(known_models()[0].folder, folder)
    loaded = load_model(find_model(str(folder)), "cpu")
    assert (loaded.name, loaded.identity["files"]) == ("mine", tiny().identity["files"])
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    for name, content in (
        ("model.safetensors", whole[:5000]),
        ("model.safetensors", b""),
        ("tokenizer.json", b"{}"),
        ("config.json", b'{"model_type": "pbench_tiny"}'),
        ("config.json", b"not json"),
    ):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        with pytest.raises(ArtifactError, match=name):
            load_model(find_model(str(folder)), "cpu")
        (folder / name).write_bytes(kept)
    weights.unlink()
    with pytest.raises(ArtifactError, match=r"model\.safetensors"):
        load_model(find_model(str(folder)), "cpu")
    (folder / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UsageError, match="'llama' is not known"):
        find_model(str(folder))


def test_it_is_small_enough_to_ship():
    assert (known_models()[0].folder / "model.safetensors").stat().st_size < 4_000_000
