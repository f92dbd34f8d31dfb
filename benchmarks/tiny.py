"""The bundled model, one token a step: ten tasks x 100 samples, time, memory, and the engine's share.

Goals on 2 cores: under 40 s and under 1 GB resident for the command; engine time over the bare
forward passes at most 1.10 at batch 16.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from pbench.decode import Engine, EngineOptions
from pbench.interfaces import Canvas
from pbench.models import find_model, load_model
from pbench.samplers import make_sampler
from pbench.tasks import generate, load_suite


def command() -> None:
    """The whole command as a user runs it, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "pbench", "decode", "--tasks", "waiting_line", "--k", "1", "--quiet"],
            cwd=folder,
            env=os.environ | {"XDG_CACHE_HOME": folder, "PYTHONPATH": str(Path.cwd())},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    print(f"decode waiting_line --k 1: {seconds:.1f} s (goal 40), peak resident {peak:.2f} GB (goal 1)")


def engine(batch_size: int) -> None:
    """Engine time over the time of its own forward passes, counted inside one run."""
    denoiser = load_model(find_model("tiny"), "cpu")
    inside, bare = 0.0, denoiser.logits

    def timed(canvas: Canvas, positions: torch.Tensor) -> torch.Tensor:
        nonlocal inside
        started = time.perf_counter()
        logits = bare(canvas, positions)
        inside += time.perf_counter() - started
        return logits

    denoiser.logits = timed
    samples = [sample for spec in load_suite("waiting_line").tasks for sample in list(generate(spec))[::5]]
    started = time.perf_counter()
    run = Engine(denoiser, make_sampler("confidence", {"k": 1}), 32, EngineOptions(batch_size=batch_size))
    count = sum(1 for _ in run.run(samples))
    total = time.perf_counter() - started
    print(
        f"batch {batch_size:>3}: {count / total:7.1f} samples/s, engine / bare forwards {total / inside:.3f}"
    )


def main() -> None:
    command()
    for batch_size in (1, 16, 32, 64):
        engine(batch_size)


if __name__ == "__main__":
    main()
