"""Every shipped recipe can read its questions and write its answers, in the room that it gives them."""

from __future__ import annotations

import pytest

from pbench.config import load_yaml
from pbench.tasks import draw, reference_text
from pbench.tasks.suites import configs_dir
from pbench.train import Recipe
from pbench.train.vocabulary import SPECIAL, build_tokenizer

RECIPES = sorted((configs_dir() / "train").glob("*.yaml"))
SAMPLES = 40


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_questions_and_answers_come_back_as_they_were_and_fit(path):
    recipe = load_yaml(path, Recipe)
    specs = recipe.specs
    tokenizer = build_tokenizer(list(specs.values()))
    unknown = tokenizer.token_to_id(SPECIAL[3])
    for group in recipe.groups:
        for spec in map(specs.__getitem__, group.tasks):
            room = min(group.answer_lengths or (spec.gen_length,))
            for number in range(SAMPLES):
                sample = draw(spec, number, shots=0)
                question, answer = sample.messages[-1]["content"], reference_text(sample)
                for text, most in ((question, recipe.max_prompt_length), (answer, room)):
                    ids = tokenizer.encode(text).ids
                    assert unknown not in ids, text
                    assert tokenizer.decode(ids) == text
                    assert len(ids) <= most, text
    assert max(max(group.answer_lengths, default=0) for group in recipe.groups) <= recipe.max_answer_length
