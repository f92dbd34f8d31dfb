"""The trainer on a recipe that takes seconds: masks, held-out contents, resumption, export."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pbench.config import load_yaml
from pbench.errors import UsageError
from pbench.models import find_model, load_model
from pbench.tasks import content_key, content_keys
from pbench.train import Recipe, shipped_recipe, train_tiny
from pbench.train.batches import draw_samples, mask_answers
from pbench.train.recipe import Group
from pbench.train.tiny import Trainer, held_out

SMALL = Recipe(
    name="small",
    hidden_size=32,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=32,
    steps=6,
    warmup_steps=2,
    checkpoint_every=2,
    evaluation_samples=5,
    groups=(
        Group(tasks=("waiting_line/copy", "waiting_line/shuffle"), rows=4),
        Group(tasks=("puzzle/sudoku_n4_12",), rows=2, loss_weight=0.5),
    ),
)


def test_the_shipped_recipe_names_the_tasks_of_the_bundled_model():
    recipe = load_yaml(shipped_recipe(), Recipe)
    assert tuple(recipe.specs) == load_model(find_model("tiny"), "cpu").config.tasks


def test_training_never_draws_a_held_out_or_a_test_content():
    trainer = Trainer(SMALL)
    spec = trainer.specs["waiting_line/copy"]
    wanted = [content_key(s) for s in draw_samples([spec], {spec.name: 1.0}, 8, 3, 0, frozenset())]
    drawn = draw_samples([spec], {spec.name: 1.0}, 8, 3, 0, frozenset(wanted[:4]))
    keys = [content_key(sample) for sample in drawn]
    assert keys[4:] == wanted[4:]
    assert not set(keys[:4]) & set(wanted[:4])
    for name, samples in held_out(SMALL).items():
        evaluation = {content_key(sample) for sample in samples}
        assert len(evaluation) == 5
        assert not evaluation & content_keys(trainer.specs[name])
        assert evaluation <= trainer.excluded


@given(st.integers(1, 40), st.integers(1, 30), st.integers(0, 1000))
def test_masks_stay_in_their_pool_and_are_never_empty(rows, length, seed):
    generator = torch.Generator().manual_seed(seed)
    content = torch.tensor([False, True, True])
    answers = torch.randint(0, 3, (rows, length), generator=generator)
    answers[:, 0] = 1
    masked = mask_answers(answers, content, 1.0, 0.2, generator)
    assert bool(masked.any(1).all())
    assert bool((content[answers] | ~masked).all())
    everything = mask_answers(answers, content, 0.0, 0.2, generator)
    assert bool(everything.any(1).all())


def test_masking_levels_are_stratified_over_the_batch():
    answers = torch.ones(64, 32, dtype=torch.long)
    masked = mask_answers(
        answers, torch.ones(2, dtype=torch.bool), 0.5, 0.1, torch.Generator().manual_seed(0)
    )
    counts = masked.sum(1).sort().values
    assert counts.tolist() == sorted(counts.tolist())
    assert bool(((counts - 1 - torch.arange(64) // 2).abs() <= 1).all())


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(tmp_path, monkeypatch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train_tiny(SMALL, whole, lambda _: None)
    step = Trainer.train_step

    def stop(self):
        if self.step == 5:
            raise KeyboardInterrupt
        return step(self)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", stop)
        with pytest.raises(KeyboardInterrupt):
            train_tiny(SMALL, broken, lambda _: None)
    assert (broken / "checkpoint.pt").exists()
    notes: list[str] = []
    train_tiny(SMALL, broken, notes.append)
    assert "from step 4" in notes[0]
    assert (broken / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert not (broken / "checkpoint.pt").exists()
    model = load_model(find_model(str(whole)), "cpu")
    assert model.config.tasks == tuple(SMALL.specs)


def test_a_checkpoint_of_another_recipe_is_refused():
    state = Trainer(SMALL).state()
    with pytest.raises(UsageError, match="another recipe"):
        Trainer(SMALL.model_copy(update={"steps": 7})).restore(state)
