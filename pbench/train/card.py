"""The model card of a bundled model, measured: held-out samples, real engine, real metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
import torch

from pbench.artifacts import atomic_text
from pbench.decode import Engine, EngineOptions
from pbench.interfaces import Denoiser
from pbench.metrics import MetricTools, score_many
from pbench.metrics.intervals import Interval, mean_interval
from pbench.models import find_model, load_model
from pbench.records import Sample
from pbench.samplers import make_sampler
from pbench.train.recipe import Recipe
from pbench.train.tiny import held_out

__all__ = ["accuracy", "write_card"]

_BATCH = 64
_COLUMNS = (("confidence", 1), ("confidence", 4), ("confidence", 16), ("random", 4))


def accuracy(denoiser: Denoiser, samples: Sequence[Sample], sampler: str, k: int) -> Interval:
    """Share of `samples` (of one task) answered rightly at k tokens a step, with its interval."""
    engine = Engine(
        denoiser, make_sampler(sampler, {"k": k}), samples[0].gen_length, EngineOptions(batch_size=_BATCH)
    )
    answers = list(engine.run(samples))
    texts = [answer.output_text for answer in answers]
    references = [answer.sample.answer for answer in answers]
    outcomes = score_many(samples[0].metric, texts, references, MetricTools())
    return mean_interval([values["score"] or 0.0 for values, _ in outcomes])


def write_card(folder: Path, recipe: Recipe, report: Callable[[str], None]) -> Path:
    """Decode the recipe's evaluation samples and write `folder/MODEL_CARD.md`; returns its path."""
    denoiser = load_model(find_model(str(folder)), "cpu")
    assert isinstance(denoiser, Denoiser)
    rows = []
    for name, samples in held_out(recipe).items():
        cells = [accuracy(denoiser, samples, sampler, k) for sampler, k in _COLUMNS]
        rows.append(f"| {name} | " + " | ".join(map(_cell, cells)) + " |")
        report(rows[-1])
    size = (folder / "model.safetensors").stat().st_size
    text = _TEXT.format(
        name=recipe.name,
        bytes=f"{size:,}",
        training=_training(folder),
        steps=f"{recipe.steps:,}",
        seed=recipe.seed,
        threads=recipe.threads,
        samples=f"{recipe.steps * sum(group.rows for group in recipe.groups):,}",
        evaluation=recipe.evaluation_samples,
        evaluation_seed=recipe.evaluation_seed,
        torch=torch.__version__.partition("+")[0],
        header="| task | " + " | ".join(f"{sampler} k={k}" for sampler, k in _COLUMNS) + " |",
        rule="|---|" + "--:|" * len(_COLUMNS),
        rows="\n".join(rows),
    )
    path = folder / "MODEL_CARD.md"
    atomic_text(path, text)
    return path


def _cell(interval: Interval) -> str:
    return f"{100 * interval.mean:.1f} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def _training(folder: Path) -> str:
    """Last line of the training log, in words."""
    log = folder / "training.jsonl"
    if not log.exists():
        return "The training log is not beside this card."
    last = orjson.loads(log.read_bytes().splitlines()[-1])
    losses = ", ".join(f"{name.partition('/')[2]} {value:.3f}" for name, value in last["tasks"].items())
    return f"Running loss at step {last['step']:,} (nats a token, weighted as in the recipe): {losses}."


_TEXT = """# Model card: {name}

A masked-diffusion model that is small enough to ship ({bytes} bytes of float32 weights) and knows
the list tasks and puzzles below. It exists so that the effect of parallel decoding can be seen and
tested on a laptop. It is no language model: its vocabulary is closed over the prompts of these
tasks and 200 names, in-context examples are dropped, and any other prompt is refused.

## Training

`pbench train tiny` makes it again from `task_configs/train/tiny.yaml`: {steps} steps, {samples}
samples drawn fresh from the tasks' own generators, seed {seed}, {threads} thread(s), torch {torch};
matrix products in bfloat16, weights in float32. Contents of the test splits and of the evaluation
samples below were left out of training. {training}

## Accuracy

Percent right with 95 % Wilson intervals on {evaluation} new samples a task (seed {evaluation_seed}),
none of which training saw. Any-order decoding, temperature 0, strings
judged by the task's own metric (`score`). Made by `pbench train card`.

{header}
{rule}
{rows}

## Limits

- Lists of 3 to 6 names out of the shipped 100 first and 100 last names.
- Remove Random falls least of the random tasks at temperature 0: for an ideal model the most probable
  token of every position already makes a valid answer, so greedy decoding would not fall at all.
- The prompts are those of `waiting_line` and `puzzle`; other wordings are refused, not guessed at.
"""
