"""Training of the bundled model from its recipe, and the card that says what it can do."""

from pbench.train.card import write_card
from pbench.train.recipe import Recipe, shipped_recipe
from pbench.train.tiny import train_tiny

__all__ = ["Recipe", "shipped_recipe", "train_tiny", "write_card"]
