"""What a model card says of the training, with its log and without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pbench.config import content_hash
from pbench.errors import ArtifactError, UsageError
from pbench.train import Recipe, loop
from pbench.train.card import _as_trained, _training, write_card
from pbench.train.recipe import Group

RECIPE = Recipe(name="small", steps=1200, groups=(Group(tasks=("waiting_line/copy",), rows=2),))
OLD = """# Model card: small

1,200 steps, seed 0, 1 thread(s), torch 9.8.7; left out of training. Running loss at step 1,200
(nats a token): copy 0.125, sort 1.500.
{named}
## Accuracy
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    return tmp_path


def card(folder: Path, text: str) -> str:
    (folder / "MODEL_CARD.md").write_text(text)
    return _training(folder, RECIPE)


def test_the_log_is_asked_first(folder):
    line = {"step": 1200, "loss": 1.0, "tasks": {"waiting_line/copy": 0.25}}
    (folder / loop.CURVE).write_text(json.dumps(line) + "\n")
    (folder / loop.ABOUT).write_text('{"torch": "1.2.3"}')
    said = card(folder, OLD)
    assert said.startswith("Trained with torch 1.2.3. Running loss at step 1,200")
    assert said.endswith("copy 0.250.")


def test_without_it_the_card_before_is_taken_over_and_that_is_said_once(folder):
    said = card(folder, OLD.format(named=""))
    assert said.startswith(
        "Trained with torch 9.8.7. Running loss at step 1,200 (nats a token): copy 0.125, sort 1.500. (Torch"
    )
    assert card(folder, f"# Model card: small\n\n{said}\n") == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        OLD.replace("Model card: small", "Model card: smaller"),
        OLD.replace("step 1,200", "step 1,100"),
        OLD.replace("{named}", f"SHA-256 {'0' * 64}"),
    ],
    ids=["none", "another model", "another number of steps", "other weights"],
)
def test_a_card_of_something_else_is_not_believed(text, folder):
    assert card(folder, text) == "The training log is not beside this card."


def test_the_steps_are_those_of_the_training_and_another_recipe_is_refused(folder):
    assert _as_trained(folder, RECIPE) == RECIPE
    fewer = RECIPE.model_copy(update={"steps": 7})
    about = {"kind": "recipe", "recipe": fewer.decisive}
    (folder / loop.ABOUT).write_text(json.dumps({"hash": content_hash(about), **about}))
    assert _as_trained(folder, RECIPE) == fewer
    with pytest.raises(UsageError, match="not trained from this recipe"):
        _as_trained(folder, RECIPE.model_copy(update={"seed": 3}))


def test_the_folder_is_measured_and_not_the_model_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny").mkdir()
    Path("tiny", "model.safetensors").write_bytes(b"weights of nobody")
    with pytest.raises(ArtifactError, match=r"config\.json"):
        write_card(Path("tiny"), RECIPE, lambda _: None)
