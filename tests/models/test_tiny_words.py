"""The second bundled checkpoint: it writes sentences and Latin squares one by one, and not all at once."""

from __future__ import annotations

from functools import cache
from itertools import islice

import pytest

from pbench.config import load_yaml
from pbench.decode import Engine, EngineOptions
from pbench.grammar import open_checker
from pbench.metrics import MetricTools, score_many
from pbench.models import find_model, load_model
from pbench.samplers import make_sampler
from pbench.tasks import generate, reference_text, resolve
from pbench.train import Recipe, shipped_recipe

BUNDLED_BYTES = 4_000_000


@cache
def words():
    return load_model(find_model("tiny-words"), "cpu")


@cache
def tools():
    return MetricTools(open_checker("harper"))


def accuracy(task: str, k: int, count: int = 10) -> float:
    (spec,) = resolve([task])
    samples = list(islice(generate(spec, shots=0), count))
    sampler = make_sampler("confidence", {"k": k})
    engine = Engine(words(), sampler, spec.gen_length, EngineOptions(batch_size=count))
    rows = list(engine.run(samples))
    outcomes = score_many(
        spec.metric, [row.output_text for row in rows], [row.sample.answer for row in rows], tools()
    )
    return sum(values["score"] for values, _ in outcomes) / len(rows)


@pytest.mark.parametrize("task", ["words_to_sentence/easy", "puzzle/latin_square_n4"])
def test_one_by_one_it_is_right_and_sixteen_at_a_time_it_is_not(task):
    assert accuracy(task, 1) >= 0.8
    assert accuracy(task, 16) <= 0.3


def test_it_is_what_its_recipe_makes_and_no_larger_than_promised():
    info = find_model("tiny-words")
    recipe = load_yaml(shipped_recipe("tiny-words"), Recipe)
    assert tuple(recipe.specs) == tuple(words().config.tasks)
    assert (recipe.hidden_size, recipe.num_hidden_layers) == (
        words().config.hidden_size,
        words().config.num_hidden_layers,
    )
    assert sum(path.stat().st_size for path in info.folder.iterdir()) < BUNDLED_BYTES


def test_every_question_of_its_tasks_can_be_read():
    for spec in resolve(list(words().config.tasks)):
        assert words().supports(spec.name) is None
        for sample in islice(generate(spec), 20):
            assert len(words().encode(sample)) <= words().config.max_prompt_length
    (square,) = resolve(["puzzle/latin_square_n4"])
    for sample in islice(generate(square), 20):
        ids = words().tokenizer.encode(reference_text(sample), add_special_tokens=False).ids
        assert words().decode([*ids, words().eos_token_id]) == reference_text(sample)


def test_tasks_that_it_never_saw_are_refused():
    assert "trained on" in words().supports("waiting_line/copy")
