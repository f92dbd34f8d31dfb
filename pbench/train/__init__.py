"""Training of the bundled models from their recipes, the card that says what they can do, fine-tuning."""

from pbench.train.card import write_card
from pbench.train.curve import draw_curve
from pbench.train.loop import read_curve
from pbench.train.recipe import Recipe, recipe_of, shipped_recipe
from pbench.train.settings import LoraSettings, TuneSettings
from pbench.train.tiny import train_tiny
from pbench.train.tune import Place, tune

__all__ = [
    "LoraSettings",
    "Place",
    "Recipe",
    "TuneSettings",
    "draw_curve",
    "read_curve",
    "recipe_of",
    "shipped_recipe",
    "train_tiny",
    "tune",
    "write_card",
]
