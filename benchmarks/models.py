"""A LLaDA-form random checkpoint (4 layers, d 256, vocabulary 126,464), 32 prompts, 32 new tokens, k = 1.

Four measurements. The cold command (goal: 6 s). pbench at batch 8 and 16 against the loop that public
code uses, which is written out below: batch 1, logits of the whole canvas, float64 softmax over all
positions (goal: at least 9 times as fast, the same tokens). The arithmetic floor beside it: the bare
forward pass and the head at masked positions. Two workers of one thread each against one (goal: 1.7),
and beside it the machine's own ceiling: what two processes gain that have nothing in common and do
nothing but forward passes. Cores that share caches, memory or a sibling thread gain less than 2.

`--make DIR` only writes the checkpoint; `--model DIR` takes one that is there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch

from pbench.decode import Engines, LocalRunner
from pbench.decode.canvas import BatchCanvas
from pbench.decode.job import Job, ModelChoice
from pbench.decode.pool import Pool
from pbench.decode.processes import process_pool
from pbench.interfaces import Denoiser
from pbench.models import find_model
from pbench.models.masked import MaskedDenoiser
from pbench.records import Sample
from pbench.tasks import generate, load_suite

GEN_LENGTH, LAYERS, WIDTH, VOCABULARY = 32, 4, 256, 126_464
BATCH = 8  # of each worker
SHORTEST, LONGEST = 90, 150  # tokens of a prompt
Tokens = dict[str, list[int]]


def make(folder: Path) -> None:
    """Write the checkpoint by the command that users have for it."""
    size = ["--layers", str(LAYERS), "--hidden-size", str(WIDTH), "--heads", "8"]
    command = ["models", "random", "--family", "llada", "--out", str(folder), *size]
    pbench([*command, "--vocab-size", str(VOCABULARY)])


def pbench(arguments: Sequence[str], cwd: Path | None = None) -> None:
    command = [sys.executable, "-m", "pbench", *arguments]
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    subprocess.run(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, check=True)


def prompts(denoiser: Denoiser, count: int) -> list[Sample]:
    """`count` of the list tasks' prompts, of the wanted length."""
    tasks = [list(generate(spec)) for spec in load_suite("waiting_line").tasks]
    every = [task[place] for place in range(count) for task in tasks]
    fitting = [each for each in every if SHORTEST <= len(denoiser.encode(each)) <= LONGEST]
    return fitting[:count]


@torch.inference_mode()
def naive(denoiser: MaskedDenoiser, samples: Sequence[Sample]) -> Tokens:
    """The loop of public code around the same network: one sample at a time, everything at every position."""
    mask = denoiser.mask_token_id
    answers = {}
    for sample in samples:
        prompt = denoiser.encode(sample)
        x = torch.tensor([[*prompt, *[mask] * GEN_LENGTH]])
        positions = torch.arange(x.shape[1]).unsqueeze(0)
        everywhere = torch.stack([torch.zeros(x.shape[1], dtype=torch.long), positions[0]], dim=1)
        for _ in range(GEN_LENGTH):
            masked = x == mask
            logits = denoiser.network.head(denoiser.network(x, positions, None, everywhere)).unsqueeze(0)
            logits[:, :, mask] = -torch.inf
            proposal = logits.argmax(-1)
            probabilities = torch.softmax(logits.double(), dim=-1)
            score = probabilities.gather(-1, proposal.unsqueeze(-1)).squeeze(-1)
            score = torch.where(masked, score, -torch.inf)
            place = score[0].topk(1).indices
            x[0, place] = proposal[0, place]
        answers[sample.sample_id] = x[0, len(prompt) :].tolist()
    return answers


def ours(engines: Engines, samples: Sequence[Sample], batch_size: int) -> Tokens:
    rows = LocalRunner(engines, batch_size).run(samples)
    return {row.sample.sample_id: list(row.output_ids or ()) for row in rows}


def floor(denoiser: MaskedDenoiser, samples: Sequence[Sample], batch_size: int) -> None:
    """The forward passes and nothing else: as many masked positions as k = 1 leaves at each step."""
    for start in range(0, len(samples), batch_size):
        batch = [denoiser.encode(sample) for sample in samples[start : start + batch_size]]
        canvas = BatchCanvas(GEN_LENGTH, denoiser.mask_token_id, denoiser.pad_token_id, denoiser.device)
        canvas.extend(batch, [[denoiser.mask_token_id] * GEN_LENGTH] * len(batch))
        rows = torch.arange(len(batch)).unsqueeze(1)
        for masks in range(GEN_LENGTH, 0, -1):
            columns = torch.arange(canvas.length - masks, canvas.length).unsqueeze(0)
            denoiser.logits(
                canvas, torch.stack(torch.broadcast_tensors(rows, columns), dim=-1).reshape(-1, 2)
            )


def compare(engines: Engines, samples: Sequence[Sample]) -> None:
    """Everything in turns on parts of the samples, so that a busy machine slows all alike."""
    denoiser = cast(MaskedDenoiser, engines.denoiser)
    floor(denoiser, samples[:8], 8)  # warm
    seconds: dict[str, float] = {}
    differing = 0
    half = len(samples) // 2
    for part in (samples[:half], samples[half:]):
        expected = timed(seconds, "naive loop", lambda part=part: naive(denoiser, part))
        for batch_size in (8, 16):
            timed(
                seconds,
                f"floor, batch {batch_size}",
                lambda b=batch_size, part=part: floor(denoiser, part, b),
            )
            found = timed(
                seconds, f"pbench, batch {batch_size}", lambda b=batch_size, part=part: ours(engines, part, b)
            )
            differing += sum(found[name] != expected[name] for name in expected)
    base = seconds["naive loop"]
    for name, each in seconds.items():
        print(f"{name:<16} {each:7.2f} s  {len(samples) / each:6.2f} samples/s  {base / each:5.2f}x")
    print(
        f"answers that differ from the naive loop's: {differing} (goal 0); goal of speed: 9x at batch 8 or 16"
    )


def timed(seconds: dict[str, float], name: str, work):
    started = time.perf_counter()
    result = work()
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - started
    return result


def workers(job: Job, look: Engines, samples: Sequence[Sample], folder: Path) -> None:
    """Two workers of one thread each against one, and two bare processes, in turns; all are warm."""
    best = {1: float("inf"), 2: float("inf")}
    bare = {1: float("inf"), 2: float("inf")}
    for count in (1, 2, 1, 2):
        with process_pool(job.model.load, ["cpu"] * 2, BATCH) as two:
            pool = Pool(two.places[:count], two.hear, BATCH)
            list(pool.runner(job.assemble, look).run(samples[: 2 * count]))
            started = time.perf_counter()
            rows = list(pool.runner(job.assemble, look).run(samples))
            best[count] = min(best[count], time.perf_counter() - started)
        assert len(rows) == len(samples)
        bare[count] = min(bare[count], forwards_beside(count, folder, len(samples) // 2))
    ours, ceiling = best[1] / best[2], 2 * bare[1] / bare[2]
    print(f"1 worker {best[1]:.2f} s, 2 workers {best[2]:.2f} s: {ours:.2f}x (goal 1.7)")
    print(
        f"bare forwards of {len(samples) // 2} prompts: one process {bare[1]:.2f} s, two at once"
        f" {bare[2]:.2f} s each: {ceiling:.2f}x is what this machine has; the workers reach"
        f" {ours / ceiling:.2f} of it (goal 0.95)"
    )


def forwards_beside(count: int, folder: Path, prompts: int) -> float:
    """Seconds that `count` processes of one thread take side by side for the forwards of `prompts` each."""
    command = [sys.executable, __file__, "--model", str(folder), "--forwards", "--prompts", str(prompts)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())}
    running = [
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    for each in running:
        assert each.stdout is not None
        each.stdout.readline()  # loaded and warm
    started = time.perf_counter()
    for each in running:
        assert each.stdin is not None
        each.stdin.close()
    for each in running:
        assert each.stdout is not None
        each.stdout.readline()
    seconds = time.perf_counter() - started
    for each in running:
        each.wait()
    return seconds


def forwards(folder: Path, count: int) -> None:
    """One of those processes: it says when it is ready and when it is done."""
    denoiser = cast(MaskedDenoiser, ModelChoice(find_model(str(folder)), "float32").load("cpu"))
    samples = prompts(denoiser, count)
    floor(denoiser, samples[:2], BATCH)
    print("ready", flush=True)
    sys.stdin.read()
    floor(denoiser, samples, BATCH)
    print("done", flush=True)


def cold(folder: Path) -> None:
    """A command from nothing to its file."""
    best = float("inf")
    with tempfile.TemporaryDirectory() as cwd:
        for number in range(3):
            started = time.perf_counter()
            options = ["--tasks", "copy", "--limit", "1", "--k", "1", "--out", f"{number}.parquet"]
            pbench(["decode", "--model", str(folder.resolve()), *options], Path(cwd))
            best = min(best, time.perf_counter() - started)
    print(f"pbench decode --model DIR --tasks copy --limit 1 --k 1: {best:.1f} s (goal 6)")


def measure(folder: Path, count: int) -> None:
    cold(folder)
    job = Job(ModelChoice(find_model(str(folder)), "float32"), "confidence", {"k": 1})
    engines = cast(Engines, job.load("cpu"))
    samples = prompts(engines.denoiser, count)
    lengths = [len(engines.denoiser.encode(sample)) for sample in samples]
    threads = torch.get_num_threads()
    print(f"{len(samples)} prompts of {min(lengths)} to {max(lengths)} tokens, {threads} threads")
    compare(engines, samples)
    workers(job, engines, samples[: 2 * BATCH], folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--make", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--forwards", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if options.make is not None:
        make(options.make)
    elif options.forwards:
        forwards(options.model, options.prompts)
    elif options.model is not None:
        measure(options.model, options.prompts)
    else:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder) / "llada")
            measure(Path(folder) / "llada", options.prompts)


if __name__ == "__main__":
    main()
