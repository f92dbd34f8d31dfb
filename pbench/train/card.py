"""The model card of a bundled model, measured: held-out samples, real engine, real metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill

import orjson
import torch

from pbench.artifacts import atomic_text
from pbench.decode import Engine, EngineOptions
from pbench.grammar import open_checker
from pbench.interfaces import Denoiser
from pbench.metrics import MetricTools, get_metric, score_many
from pbench.metrics.intervals import Interval, mean_interval
from pbench.models import find_model, load_model
from pbench.records import Sample
from pbench.samplers import make_sampler
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
    """Decode the recipe's evaluation samples and write `folder/MODEL_CARD.md`; returns its path."""
    denoiser = load_model(find_model(str(folder)), "cpu")
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
        training=_training(folder),
        steps=f"{recipe.steps:,}",
        seed=recipe.seed,
        threads=recipe.threads,
        samples=f"{recipe.steps * sum(group.rows for group in recipe.groups):,}",
        evaluation_seed=recipe.evaluation_seed,
        torch=torch.__version__.partition("+")[0],
        header="| task | samples | " + " | ".join(f"{sampler} k={k}" for sampler, k in _COLUMNS) + " |",
        rule="|---|--:|" + "--:|" * len(_COLUMNS),
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


def _tools(metric: str) -> MetricTools:
    return MetricTools(open_checker("harper")) if "grammar" in get_metric(metric).needs else MetricTools()


def _judge(recipe: Recipe) -> str:
    """Which grammar checker judges, where one does; with its version, for another judges otherwise."""
    if not any("grammar" in get_metric(spec.metric).needs for spec in recipe.specs.values()):
        return ""
    return f" Grammar is judged by harper {open_checker('harper').version}."


def _wrapped(text: str, indent: str = "") -> str:
    return fill(text, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


_TEXT = """# Model card: {name}

{description}
Its weights are {bytes} bytes of float32.

## Training

`pbench train {name}` makes it again from `task_configs/train/{name}.yaml`: {steps} steps, {samples}
samples drawn fresh from the tasks' own generators, seed {seed}, {threads} thread(s), torch {torch};
matrix products in bfloat16, weights in float32. Contents of the test splits and of the evaluation
samples below were left out of training. {training}

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
