"""Cost of every sampler's `select` beside that of `confidence`: 32 masks, a vocabulary of 126,464.

Goals: none above 3x (klass and credit, which look at the past: 6x), and no copies of the logits of
positions that are not masked. Half of a block of 64 is committed first, so that samplers that look
at committed tokens have some; then every step has the same 32 masks, for the commits are held back
while the sampler's own state goes on. Time is that of the processor on one thread, so that a busy
machine changes little; a sampler's rounds alternate with `confidence` and the best of each counts.
Peak memory is what select holds beyond the model's logits of the 32 masked positions, as a multiple
of their size; it is taken in a process in which memory that is free goes back to the system at once
(glibc on Linux only). What a sampler keeps from the step before (klass: once the logits) comes on top.
"""

from __future__ import annotations

import argparse
import ctypes
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from pbench.decode import Engine, EngineOptions
from pbench.interfaces import BlockPlan, Canvas, Capabilities, Sampler, Selection, Step
from pbench.records import Sample
from pbench.samplers import SAMPLERS, make_sampler
from pbench.samplers.frequencies import FrequencyTable

VOCABULARY, LENGTH, MASKED = 126_464, 64, 32
STEPS, ROUNDS = 4, 3  # measured steps of a round; the first of a block, without history, is left out
SPECIAL = {"klass": 6.0, "credit": 6.0}
OPTIONS: dict[str, dict[str, Any]] = {
    "origin": {"steps": LENGTH},
    "threshold": {"gamma": 0.9},
    "factor": {"factor": 1.0},
    "frechet": {"delta": 0.25},
    "entropy-bounded": {"entropy_bound": 0.1},
    "apd": {"mixture": 0.7, "verifier": "made"},
}


class Logits:
    """A denoiser that has its logits ready: nothing but the sampler costs time."""

    name = family = "made"
    capabilities = Capabilities(max_length=1024, position_ids=True, arbitrary_mask=True)
    vocab_size, mask_token_id, eos_token_id, pad_token_id = VOCABULARY, 1, 2, 0
    device = torch.device("cpu")

    def __init__(self, batch_size: int):
        self.identity = {"name": self.name}
        generator = torch.Generator().manual_seed(0)
        self.table = 2 * torch.randn(2 * batch_size * LENGTH, VOCABULARY, generator=generator)
        self.table[:, self.mask_token_id] = -torch.inf

    def supports(self, task: str) -> None:
        return None

    def encode(self, sample: Sample) -> list[int]:
        return [3, 4, 5]

    def encode_text(self, text: str) -> list[int]:
        return []

    def new_cache(self) -> None:
        return None

    def decode(self, ids: Any) -> str:
        return "x"

    def logits(self, canvas: Canvas, positions: torch.Tensor, cache: Any = None) -> torch.Tensor:
        return self.table[: len(positions)]

    def log_probs(self, canvas: Canvas, positions: torch.Tensor) -> torch.Tensor:
        return self.table[-len(positions) :]


class Held:
    """The sampler with its `select` timed; its commits are held back, but for half a block at first."""

    aliases = ()

    def __init__(self, inner: Sampler):
        self.inner = inner
        self.name, self.Options, self.options = inner.name, inner.Options, inner.options
        self.traits = replace(inner.traits, may_idle=True, may_continue=False)
        self.seconds: list[float] = []
        self.peaks: list[int] = []

    def check(self, gen_length: int, block_length: int) -> None:
        self.inner.check(gen_length, block_length)

    def plan_block(self, block: BlockPlan) -> Any:
        return self.inner.plan_block(block)

    def max_steps(self, block: BlockPlan) -> int:
        return STEPS + 2

    def select(self, step: Step) -> Selection:
        if step.numbers[0] == 0:
            half = torch.arange(LENGTH) < LENGTH - MASKED
            return Selection(step.to_unmask & half)
        held = resident_peak(restart=True)
        started = time.thread_time()
        selection = self.inner.select(step)
        self.seconds.append(time.thread_time() - started)
        self.peaks.append(resident_peak() - held)
        return replace(selection, commit=torch.zeros_like(selection.commit), remask=None)


def resident_peak(*, restart: bool = False) -> int:
    """Most bytes resident since the last restart; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    if restart:
        Path("/proc/self/clear_refs").write_text("5")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def measured(name: str, denoiser: Logits, batch_size: int) -> Held:
    """One round: the sampler on a block of each of `batch_size` rows."""
    options = dict(OPTIONS.get(name, {}))
    fields = SAMPLERS.get(name).Options.model_fields
    if "k" in fields:
        options["k"] = 1
    elif "gamma" in fields:
        options["gamma"] = 0.9
    if "frequencies" in fields:
        options["frequencies"] = FrequencyTable(
            model="made", tokenizer="made", vocab_size=VOCABULARY, source="made", counts={5: 1}
        )
    held = Held(make_sampler(name, options))
    samples = [
        Sample(
            sample_id=f"made/{index}",
            task="made",
            category="waiting_line",
            index=index,
            messages=({"role": "user", "content": "x"},),
            answer="x",
            gen_length=LENGTH,
            metric="list_match",
            headline="score",
        )
        for index in range(batch_size)
    ]
    engine = Engine(denoiser, held, LENGTH, EngineOptions(batch_size=batch_size), denoiser)
    for answer in engine.run(samples):
        assert answer.error_kind == "no_progress", answer.error  # as it must be: nothing was committed
    return held


def timed(name: str, denoiser: Logits, batch_size: int) -> tuple[float, float]:
    """Milliseconds of the sampler's select, and their ratio to those of confidence."""
    times: list[float] = []
    beside: list[float] = []
    for _ in range(ROUNDS):
        beside += measured("confidence", denoiser, batch_size).seconds[1:]
        times += measured(name, denoiser, batch_size).seconds[1:]
    return 1000 * min(times), min(times) / min(beside)


def free_at_once() -> None:
    """Let malloc give every large block back to the system, so that what is resident is held."""
    torch.set_num_threads(1)
    if Path("/proc/self/status").exists():
        ctypes.CDLL(None).mallopt(-3, 1 << 18)  # M_MMAP_THRESHOLD


def peaks(names: list[str], batch_size: int) -> list[float]:
    """Peak memory of each sampler's select, in sizes of the logits of the masked positions."""
    denoiser = Logits(batch_size)
    logits_bytes = batch_size * MASKED * VOCABULARY * 4
    return [max(measured(name, denoiser, batch_size).peaks[1:]) / logits_bytes for name in names]


def table(names: list[str], batch_size: int) -> None:
    """Print one batch size: all samplers, or those named."""
    spawned = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned, initializer=free_at_once) as apart:
        memory = apart.submit(peaks, names, batch_size).result()
    denoiser = Logits(batch_size)
    measured("confidence", denoiser, batch_size)  # warms up
    print(f"\nbatch {batch_size:<12} {'ms':>8} {'ratio':>7} {'goal':>6} {'peak / logits':>14}")
    for name, peak in zip(names, memory, strict=True):
        milliseconds, ratio = timed(name, denoiser, batch_size)
        goal = SPECIAL.get(name, 3.0)
        mark = "" if ratio <= goal else "  over"
        print(f"{name:<18} {milliseconds:8.1f} {ratio:7.2f} {goal:6.1f} {peak:14.2f}{mark}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samplers", nargs="*", help="default: all")
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 4])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{MASKED} masks, vocabulary {VOCABULARY}, float32, one thread")
    for batch_size in arguments.batch:
        table(arguments.samplers or SAMPLERS.names(), batch_size)


if __name__ == "__main__":
    main()
