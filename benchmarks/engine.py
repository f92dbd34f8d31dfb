"""What the engine costs beside the model, what batches gain, and what each sampler's `select` costs.

Goals: (a) engine time over the time of its own forward passes, counted inside one run: at most 1.10
at batch 16; (b) tokens per second at batch 16 over batch 1, with the same answers; (c) `select`
beside `confidence`, see selection.py. The models are the bundled one (0.5 M parameters: Python's own
time shows most beside it) and a random one of a few million, or any checkpoint: --model.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import selection
import torch

from pbench.decode import Engine, EngineOptions
from pbench.interfaces import Canvas, Denoiser
from pbench.models import find_model, load_model
from pbench.records import Sample
from pbench.samplers import SAMPLERS, make_sampler
from pbench.tasks import generate, load_suite

GEN_LENGTH, ROUNDS = 32, 3
GOAL = 1.10
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("confidence", {"k": 1}, {}),
    ("confidence", {"k": 1}, {"temperature": 1.0}),
    ("margin", {"k": 1}, {}),
    ("entropy", {"k": 1}, {}),
    ("threshold", {"gamma": 0.9}, {}),
    ("wino", {"gamma": 0.9}, {}),
    ("confidence", {"k": 1}, {"block_length": 8}),
    ("confidence", {"k": 1}, {"block_length": 8, "cache": "prefix"}),
    ("confidence", {"k": 1}, {"block_length": 8, "cache": "dual"}),
]


@dataclass(frozen=True, slots=True)
class Timed:
    """One run: seconds in all and inside the model, and what came out."""

    total_seconds: float
    model_seconds: float
    answers: dict[str, tuple[int, ...]]

    @property
    def ratio(self) -> float:
        return self.total_seconds / self.model_seconds

    @property
    def tokens_per_second(self) -> float:
        return len(self.answers) * GEN_LENGTH / self.total_seconds


def samples_of(count: int) -> list[Sample]:
    """The same number of samples of each waiting-line task."""
    tasks = load_suite("waiting_line").tasks
    return [sample for spec in tasks for sample in list(generate(spec))[: count // len(tasks)]]


def run(
    denoiser: Denoiser, samples: list[Sample], name: str, options: dict[str, Any], **settings: Any
) -> Timed:
    """Decode `samples` with the model's own time counted apart."""
    inside, bare = 0.0, denoiser.logits

    def counted(canvas: Canvas, positions: torch.Tensor, cache: Any = None) -> torch.Tensor:
        nonlocal inside
        started = time.perf_counter()
        logits = bare(canvas, positions, cache)
        inside += time.perf_counter() - started
        return logits

    denoiser.logits = counted  # type: ignore[method-assign]
    try:
        started = time.perf_counter()
        engine = Engine(denoiser, make_sampler(name, options), GEN_LENGTH, EngineOptions(**settings))
        answers = {answer.sample.sample_id: answer.output_ids for answer in engine.run(samples)}
        return Timed(time.perf_counter() - started, inside, answers)
    finally:
        denoiser.logits = bare  # type: ignore[method-assign]


def shares(denoiser: Denoiser, samples: list[Sample], batch_size: int) -> Iterator[str]:
    """(a) The engine's share: the median of the rounds."""
    yield f"\nbatch {batch_size:<34} {'engine / forwards':>18} {'goal':>6}"
    for name, options, settings in CASES:
        rounds = [
            run(denoiser, samples, name, options, batch_size=batch_size, **settings) for _ in range(ROUNDS)
        ]
        ratio = sorted(each.ratio for each in rounds)[ROUNDS // 2]
        said = " ".join(f"{key} {value}" for key, value in {**options, **settings}.items())
        yield f"{f'{name} {said}':<40} {ratio:18.3f} {GOAL:6.2f}{'' if ratio <= GOAL else '  over'}"


def gain(denoiser: Denoiser, samples: list[Sample]) -> Iterator[str]:
    """(b) What batches gain; the answers must be the same."""
    yield f"\n{'batch':<8} {'tokens/s':>10} {'over batch 1':>14}"
    alone: Timed | None = None
    for batch_size in (1, 16, 32, 64):
        timed = run(denoiser, samples, "confidence", {"k": 1}, batch_size=batch_size)
        alone = alone or timed
        assert timed.answers == alone.answers, f"batch {batch_size} gives other answers than batch 1"
        over = timed.tokens_per_second / alone.tokens_per_second
        yield f"{batch_size:<8} {timed.tokens_per_second:10.0f} {over:14.2f}"


def make_small(folder: Path) -> str:
    """A random checkpoint in LLaDA's form whose forward passes are no longer negligible."""
    size = ["--layers", "4", "--hidden-size", "256", "--heads", "8", "--vocab-size", "4096"]
    command = [sys.executable, "-m", "pbench", "models", "random", "--family", "llada", "--out", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    subprocess.run([*command, *size], env=environment, stdout=subprocess.DEVNULL, check=True)
    return str(folder)


def compare(model: str, count: int, batches: Sequence[int]) -> None:
    """(a) and (b) for one model."""
    denoiser = load_model(find_model(model), "cpu")
    samples = samples_of(count)
    parameters = sum(each.numel() for each in denoiser.network.parameters())
    said = f"{parameters / 1e6:.1f} M parameters, vocabulary {denoiser.vocab_size}"
    print(f"\n{Path(model).name}: {said}, {len(samples)} samples, {torch.get_num_threads()} threads, float32")
    for batch_size in batches:
        for line in shares(denoiser, samples, batch_size):
            print(line, flush=True)
    for line in gain(denoiser, samples):
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", nargs="*", help="Default: tiny, and a small random one in LLaDA's form.")
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--batch", type=int, nargs="*", default=[16])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.model or ("tiny", make_small(Path(folder) / "llada-small")):
            compare(model, arguments.samples, arguments.batch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"\npeak resident {peak:.2f} GB")
    torch.set_num_threads(1)
    for batch_size in (1, 4):
        selection.table(SAMPLERS.names(), batch_size)


if __name__ == "__main__":
    main()
