"""The model card of a bundled model, measured: held-out samples, real engine, real metrics."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill

from pbench.artifacts import atomic_text, file_hash
from pbench.config import content_hash
from pbench.decode import Engine, EngineOptions
from pbench.errors import UsageError
from pbench.grammar import open_checker
from pbench.interfaces import Denoiser
from pbench.metrics import MetricTools, get_metric, score_many
from pbench.metrics.intervals import Interval, mean_interval
from pbench.models import find_model, load_model
from pbench.records import Sample
from pbench.samplers import make_sampler
from pbench.train.loop import ABOUT, CURVE, read_about, read_curve
from pbench.train.recipe import Recipe
from pbench.train.tiny import held_out

__all__ = ["accuracy", "write_card"]

_BATCH = 64
_COLUMNS = (("confidence", 1), ("left-to-right", 1), ("confidence", 4), ("confidence", 16), ("random", 4))


def accuracy(
    denoiser: Denoiser, samples: Sequence[Sample], sampler: str, k: int, tools: MetricTools
) -> Interval:
    """Share of `samples` (of one task) answered rightly at k tokens a step, with its interval."""
    engine = Engine(
        denoiser, make_sampler(sampler, {"k": k}), samples[0].gen_length, EngineOptions(batch_size=_BATCH)
    )
    answers = list(engine.run(samples))
    texts = [answer.output_text for answer in answers]
    references = [answer.sample.answer for answer in answers]
    outcomes = score_many(samples[0].metric, texts, references, tools)
    return mean_interval([values["score"] or 0.0 for values, _ in outcomes])


def write_card(folder: Path, recipe: Recipe, report: Callable[[str], None]) -> Path:
    """Decode the recipe's evaluation samples and write `folder/MODEL_CARD.md`; returns its path.

    What is known of the training comes from the training log; where that is gone, from the card
    that stands there, if it is of these weights. UsageError for a folder trained from another recipe.
    """
    recipe = _as_trained(folder, recipe)
    training = _training(folder, recipe)
    report(training)
    denoiser = load_model(find_model(str(folder.resolve())), "cpu")
    assert isinstance(denoiser, Denoiser)
    rows = []
    for name, samples in held_out(recipe).items():
        tools = _tools(samples[0].metric)
        cells = [accuracy(denoiser, samples, sampler, k, tools) for sampler, k in _COLUMNS]
        rows.append(f"| {name} | {len(samples)} | " + " | ".join(map(_cell, cells)) + " |")
        report(rows[-1])
    size = (folder / "model.safetensors").stat().st_size
    text = _TEXT.format(
        name=recipe.name,
        description=_wrapped(recipe.description),
        limits="\n".join(_wrapped(f"- {limit}", "  ") for limit in recipe.limits),
        judge=_judge(recipe),
        bytes=f"{size:,}",
        training=_wrapped(training),
        sha256=file_hash(folder / "model.safetensors"),
        steps=f"{recipe.steps:,}",
        seed=recipe.seed,
        threads=recipe.threads,
        samples=f"{recipe.steps * sum(group.rows for group in recipe.groups):,}",
        evaluation_seed=recipe.evaluation_seed,
        header="| task | samples | " + " | ".join(f"{sampler} k={k}" for sampler, k in _COLUMNS) + " |",
        rule="|---|--:|" + "--:|" * len(_COLUMNS),
        rows="\n".join(rows),
    )
    path = folder / "MODEL_CARD.md"
    atomic_text(path, text)
    return path


def _cell(interval: Interval) -> str:
    return f"{100 * interval.mean:.1f} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def _as_trained(folder: Path, recipe: Recipe) -> Recipe:
    """The recipe with the number of steps that the folder's training really had."""
    path = folder / ABOUT
    if not path.exists():
        return recipe
    about = read_about(path)
    known = about.get("recipe")
    steps = known.get("steps", recipe.steps) if isinstance(known, dict) else recipe.steps
    found = recipe.model_copy(update={"steps": steps})
    if about.get("hash") != content_hash({"kind": "recipe", "recipe": found.decisive}):
        raise UsageError(f"{folder}: was not trained from this recipe (see {path}); give its --recipe")
    return found


def _training(folder: Path, recipe: Recipe) -> str:
    """What the training log, or the card before, says of torch and the losses at the end."""
    log, about = folder / CURVE, folder / ABOUT
    if not log.exists():
        return _taken_over(folder, recipe)
    last = read_curve(folder)[-1]
    losses = ", ".join(f"{name.partition('/')[2]} {value:.3f}" for name, value in last["tasks"].items())
    version = read_about(about).get("torch") if about.exists() else None
    torch = "" if version is None else f"Trained with torch {version}. "
    return (
        f"{torch}Running loss at step {last['step']:,} (nats a token, weighted as in the recipe): {losses}."
    )


def _taken_over(folder: Path, recipe: Recipe) -> str:
    """The same out of the card that is to be replaced, said to be so."""
    card = folder / "MODEL_CARD.md"
    text = " ".join(card.read_text(encoding="utf-8").split()) if card.exists() else ""
    named = re.search(r"SHA-256 ([0-9a-f]{64})", text)
    of_these = named is None or named[1] == file_hash(folder / "model.safetensors")
    loss = re.search(rf"Running loss at step {recipe.steps:,} .*?[0-9]\.(?= |$)", text)
    if not of_these or loss is None or f"Model card: {recipe.name} " not in text:
        return "The training log is not beside this card."
    version = re.search(r"torch ([0-9][0-9.]*[0-9])", text)
    torch = "" if version is None else f"Trained with torch {version[1]}. "
    return f"{torch}{loss[0]} {_OLDER}"


def _tools(metric: str) -> MetricTools:
    return MetricTools(open_checker("harper")) if "grammar" in get_metric(metric).needs else MetricTools()


def _judge(recipe: Recipe) -> str:
    """Which grammar checker judges, where one does; with its version, for another judges otherwise."""
    if not any("grammar" in get_metric(spec.metric).needs for spec in recipe.specs.values()):
        return ""
    return f" Grammar is judged by harper {open_checker('harper').version}."


def _wrapped(text: str, indent: str = "") -> str:
    return fill(text, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


_OLDER = "(Torch and losses are those of the card before; the training log has not been kept.)"

_TEXT = """# Model card: {name}

{description}
Its weights are {bytes} bytes of float32, SHA-256 {sha256}.

## Training

`pbench train {name}` makes it again from `task_configs/train/{name}.yaml`: {steps} steps, {samples}
samples drawn fresh from the tasks' own generators, seed {seed}, {threads} thread(s);
matrix products in bfloat16, weights in float32. Contents of the test splits and of the evaluation
samples below were left out of training.

{training}

## Accuracy

Percent right with 95 % Wilson intervals on samples that training never saw (seed {evaluation_seed}, or
the test split where a task's questions are a fixed set). Any-order decoding, temperature 0, answers
judged by the task's own metric (`score`).{judge} Made by `pbench train card`.

{header}
{rule}
{rows}

## Limits

{limits}
"""
