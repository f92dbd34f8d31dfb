"""`pbench train`: the bundled models from their recipes, and fine-tuning of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pbench.cli import console
from pbench.errors import UsageError

if TYPE_CHECKING:
    from pbench.train import TuneSettings

__all__ = ["register"]

group = typer.Typer(
    name="train",
    help="Train the bundled models again, or fine-tune a model on tasks.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_RECIPE = typer.Option(None, help="A recipe of your own. Default: the shipped one.")
_STEPS = typer.Option(None, min=1, help="Fewer or more steps than the recipe says.")
_MODEL = typer.Option(..., metavar="NAME", help="A model's name, a checkpoint folder or a hub id.")
_TASKS = typer.Option(None, "--task", "--tasks", metavar="T,...", help="Tasks and suites to train on.")
_DATA = typer.Option(None, help="A file of `pbench tasks export --format sft`, instead of fresh samples.")
_SAMPLES = typer.Option(20_000, min=1, help="Training samples of each task.")
_VALIDATION = typer.Option(5_000, min=0, help="Of each task (or lines of --data), for the validation loss.")
_EPOCHS = typer.Option(10, min=1, help="Passes over the training samples.")
_BATCH = typer.Option(32, min=1, help="Samples of an optimizer step.")
_MICRO = typer.Option(8, min=1, help="Samples that pass through the network at once; bounds the memory.")
_WARMUP = typer.Option(0.05, min=0.0, max=0.99, help="Share of the steps in which the rate rises.")
_DECAY = typer.Option(0.01, min=0.0, help="AdamW's weight decay.")
_GEN_LENGTH = typer.Option(None, min=1, help="Answer positions. Default: as each task says.")
_SEED = typer.Option(0, min=0, max=2**63 - 1, help="Seed of order, masks and adapters.")
_CHECKPOINT = typer.Option(100, min=1, help="Steps between checkpoints.")
_DEVICE = typer.Option(None, help="cpu (the default), cuda:0, ...; several: `accelerate launch`.")
_DTYPE = typer.Option(None, help="Of the model's weights. Default: bfloat16 on a GPU, else float32.")
_THREADS = typer.Option(None, min=1, help="CPU threads. Default: torch's.")
_TRACK = typer.Option(False, "--track", help="Send the loss curve to Weights & Biases too.")


def register(app: typer.Typer) -> None:
    app.add_typer(group)


@group.command()
def tiny(
    out: Path = typer.Option(Path("tiny"), help="Folder for checkpoint, log and weights."),
    recipe: Path = _RECIPE,
    steps: int = _STEPS,
) -> None:
    """Make the weights of `tiny` again. Prints the model folder. A killed run goes on."""
    _from_recipe("tiny", out, recipe, steps)


@group.command(name="tiny-words")
def tiny_words(
    out: Path = typer.Option(Path("tiny-words"), help="Folder for checkpoint, log and weights."),
    recipe: Path = _RECIPE,
    steps: int = _STEPS,
) -> None:
    """Make the weights of `tiny-words` again. Prints the model folder. A killed run goes on."""
    _from_recipe("tiny-words", out, recipe, steps)


def _from_recipe(name: str, out: Path, recipe: Path | None, steps: int | None) -> None:
    from pbench.config import load_yaml
    from pbench.train import Recipe, shipped_recipe, train_tiny

    chosen = load_yaml(recipe or shipped_recipe(name), Recipe)
    if steps is not None:
        chosen = chosen.model_copy(update={"steps": steps})
    console.result(str(train_tiny(chosen, out, console.note)))


@group.command()
def card(
    model: Path = typer.Argument(
        metavar="DIR", help="A model folder that `pbench train` wrote from a recipe."
    ),
    recipe: Path = typer.Option(None, help="The recipe that it was trained from. Default: that of its name."),
) -> None:
    """Measure a model on samples that training never saw. Writes MODEL_CARD.md into its folder."""
    from pbench.config import load_yaml
    from pbench.train import Recipe, recipe_of, write_card

    console.result(str(write_card(model, load_yaml(recipe or recipe_of(model), Recipe), console.note)))


@group.command()
def lora(
    model: str = _MODEL,
    tasks: list[str] = _TASKS,
    data: Path = _DATA,
    samples: int = _SAMPLES,
    validation: int = _VALIDATION,
    epochs: int = _EPOCHS,
    batch_size: int = _BATCH,
    learning_rate: float = typer.Option(1e-5, help="Of AdamW; it falls as a cosine."),
    rank: int = typer.Option(128, min=1, help="Rank of the adapters."),
    alpha: int = typer.Option(256, min=1, help="Their weight is alpha / rank."),
    dropout: float = typer.Option(0.05, min=0.0, max=0.99, help="Of the adapters' inputs."),
    warmup_ratio: float = _WARMUP,
    weight_decay: float = _DECAY,
    gen_length: int = _GEN_LENGTH,
    seed: int = _SEED,
    checkpoint_every: int = _CHECKPOINT,
    out: Path = typer.Option(..., help="Folder of the adapter; `decode --adapter` reads it."),
    micro_batch: int = _MICRO,
    device: str = _DEVICE,
    dtype: str = _DTYPE,
    threads: int = _THREADS,
    track: bool = _TRACK,
) -> None:
    """Fine-tune adapters on queries, keys and values. Defaults: the paper's. A killed run goes on."""
    from pbench.config import validate_options
    from pbench.train import LoraSettings, Place

    given = {
        "tasks": tuple(console.split_list(tasks)), "samples": samples, "validation": validation,
        "epochs": epochs,
        "batch_size": batch_size, "learning_rate": learning_rate, "rank": rank, "alpha": alpha,
        "dropout": dropout,
        "warmup_ratio": warmup_ratio, "weight_decay": weight_decay, "gen_length": gen_length, "seed": seed,
        "checkpoint_every": checkpoint_every,
    }  # fmt: skip
    settings = validate_options(LoraSettings, given, "train lora")
    _tune(model, settings, data, out, Place(device, dtype, micro_batch, threads), track)


@group.command()
def full(
    model: str = _MODEL,
    tasks: list[str] = _TASKS,
    data: Path = _DATA,
    samples: int = _SAMPLES,
    validation: int = typer.Option(500, min=0, help="Samples of each task for the validation loss."),
    epochs: int = typer.Option(1, min=1, help="Passes over the training samples."),
    batch_size: int = _BATCH,
    learning_rate: float = typer.Option(1e-3, help="Of AdamW; it falls as a cosine."),
    warmup_ratio: float = _WARMUP,
    weight_decay: float = _DECAY,
    gen_length: int = _GEN_LENGTH,
    seed: int = _SEED,
    checkpoint_every: int = _CHECKPOINT,
    out: Path = typer.Option(..., help="Folder of the trained checkpoint; `decode --model` reads it."),
    micro_batch: int = typer.Option(
        32, min=1, help="Samples that pass through the network at once; bounds the memory."
    ),
    device: str = _DEVICE,
    dtype: str = _DTYPE,
    threads: int = _THREADS,
    track: bool = _TRACK,
) -> None:
    """Fine-tune every weight of a small model. A killed run goes on."""
    from pbench.config import validate_options
    from pbench.train import Place, TuneSettings

    given = {
        "tasks": tuple(console.split_list(tasks)), "samples": samples, "validation": validation,
        "epochs": epochs,
        "batch_size": batch_size, "learning_rate": learning_rate, "warmup_ratio": warmup_ratio,
        "weight_decay": weight_decay, "gen_length": gen_length, "seed": seed,
        "checkpoint_every": checkpoint_every,
    }  # fmt: skip
    settings = validate_options(TuneSettings, given, "train full")
    _tune(model, settings, data, out, Place(device, dtype, micro_batch, threads), track)


def _tune(model: str, settings: TuneSettings, data: Path | None, out: Path, place: Any, track: bool) -> None:
    from pbench.models import find_model
    from pbench.train import tune

    watch = _tracker(settings) if track else lambda _line: None
    console.result(str(tune(find_model(model), settings, data, out, place, console.note, watch)))


def _tracker(settings: TuneSettings) -> Callable[[dict[str, Any]], None]:
    try:
        from importlib import import_module

        wandb = import_module("wandb")
    except ImportError:
        raise UsageError("--track needs wandb: pip install 'pbench[track]'") from None
    try:
        run = wandb.init(project="pbench", config=settings.model_dump(mode="json"))
    except Exception as error:  # wandb raises many kinds: no key, no network
        raise UsageError(f"--track: {error} (without a network: WANDB_MODE=offline)") from None
    return lambda line: run.log(line, step=line["step"])


@group.command()
def curve(
    folder: Path = typer.Argument(metavar="DIR", help="A folder that `pbench train` trains into."),
    out: Path = typer.Option(None, help="SVG to write. Default: loss.svg in the folder."),
) -> None:
    """Draw the loss curve as it is now. Prints the path."""
    from pbench.train import draw_curve, read_curve

    if out is not None and out.suffix != ".svg":
        raise UsageError(f"--out {out}: the name must end in .svg")
    console.result(str(draw_curve(read_curve(folder), out or folder / "loss.svg")))
