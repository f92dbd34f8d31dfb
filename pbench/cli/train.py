"""`pbench train tiny`: make the bundled model's weights again from its recipe."""

from __future__ import annotations

from pathlib import Path

import typer

from pbench.cli import console

__all__ = ["register"]

group = typer.Typer(
    name="train", help="Train the bundled model.", no_args_is_help=True, rich_markup_mode=None
)


def register(app: typer.Typer) -> None:
    app.add_typer(group)


@group.command()
def tiny(
    out: Path = typer.Option(Path("tiny"), help="Folder for checkpoint, log and weights."),
    recipe: Path = typer.Option(None, help="A recipe of your own. Default: the shipped one."),
    steps: int = typer.Option(None, min=1, help="Fewer or more steps than the recipe says."),
) -> None:
    """Train; a run that was killed goes on from its last checkpoint. Prints the model folder."""
    from pbench.config import load_yaml
    from pbench.train import Recipe, shipped_recipe, train_tiny

    chosen = load_yaml(recipe or shipped_recipe(), Recipe)
    if steps is not None:
        chosen = chosen.model_copy(update={"steps": steps})
    console.result(str(train_tiny(chosen, out, console.note)))


@group.command()
def card(
    model: Path = typer.Argument(help="A model folder that `pbench train tiny` wrote."),
    recipe: Path = typer.Option(None, help="The recipe that it was trained from. Default: the shipped one."),
) -> None:
    """Measure a trained model on samples that training never saw; writes MODEL_CARD.md into its folder."""
    from pbench.config import load_yaml
    from pbench.train import Recipe, shipped_recipe, write_card

    console.result(str(write_card(model, load_yaml(recipe or shipped_recipe(), Recipe), console.note)))
