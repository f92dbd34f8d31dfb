"""The paper's full grid as score files, and the time and memory of `pbench report` over them.

    python benchmarks/report.py --make DIR [--files N]     made answers: 4 models x 2,823 pairs x 100 samples
    python benchmarks/report.py DIR                        each format over DIR, in a process of its own

The value `score` of text tasks (5 of the 17) lies between 0 and 1, as in the real grid: `--headline combined`
takes it, and a third of the cells gets its interval by bootstrap.

Goals on 2 cores over 11,292 files and 1.13 million rows: table and JSON in 10 s and 1 GB, HTML in 30 s.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pbench.artifacts import write_artifact
from pbench.config import config_id
from pbench.records import Score
from pbench.tasks import load_suite

SAMPLES = 100
MODELS = ("llada", "llada-1.5", "dream", "diffucoder")
PAIRS = 2_823  # (task, configuration) pairs of a model in the paper's grid
FILES = len(MODELS) * PAIRS
REPORTS = (  # format, headline, goal in seconds
    ("table", "default", 10),
    ("json", "default", 10),
    ("html", "default", 30),
    ("table", "combined", 10),
    ("json", "combined", 10),
    ("html", "combined", 30),
)
COUNTS = (1, 2, 4, 8, 16, 32)
BLOCKS = (2, 4, 8, 16, "full")
SWEEPS: dict[str, tuple[str, tuple[float, ...]]] = {
    "random": ("k", COUNTS),
    "left-to-right": ("k", COUNTS),
    "confidence": ("k", COUNTS),
    "entropy": ("k", COUNTS),
    "margin": ("k", COUNTS),
    "threshold": ("gamma", (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)),
    "factor": ("factor", (0.5, 1.0, 1.5, 2.0)),
}


class Pair(NamedTuple):
    """One score file: a model, a sampler at one setting, a block length and a task."""

    model: str
    sampler: str
    option: str
    value: float
    block: Any
    task: Any  # the suite's TaskSpec

    @property
    def name(self) -> str:
        """Name of the file, unique in the grid."""
        task = self.task.name.replace("/", "-")
        return f"{self.model}-{self.sampler}-{self.option}{self.value:g}-b{self.block}-{task}.scores.parquet"


def pairs() -> Iterator[Pair]:
    """The grid, model by model, configuration by configuration; each model has PAIRS of them."""
    tasks = load_suite("benchmark").tasks
    for model in MODELS:
        yield from islice(_of_model(model, tasks), PAIRS)


def _of_model(model: str, tasks: Any) -> Iterator[Pair]:
    for block, (sampler, (option, values)) in product(reversed(BLOCKS), SWEEPS.items()):
        for value, task in product(values, tasks):
            yield Pair(model, sampler, option, value, block, task)


def write_pair(folder: Path, pair: Pair) -> None:
    """Made scores of one pair, quality falling with speed, the same at every call."""
    stream = np.random.default_rng(zlib.crc32(pair.name.encode()))
    length = 64 if pair.task.category != "waiting_line" else 32
    speed = pair.value if pair.option == "k" else 2 + 6 * abs(1 - pair.value)
    right = stream.random(SAMPLES) < 0.95 - 0.9 * min(1.0, speed / 40) * stream.random()
    steps = np.full(SAMPLES, max(1, round(length / speed)))
    if pair.option != "k":
        steps = np.maximum(1, steps + stream.integers(-2, 3, SAMPLES))
    rows = [_score(pair, i, float(right[i]), int(steps[i]), length, stream) for i in range(SAMPLES)]
    path = folder / pair.model / pair.name
    write_artifact(path, "scores", rows, _manifest(pair, path))


def _score(pair: Pair, index: int, value: float, nfe: int, length: int, stream: np.random.Generator) -> Score:
    task = pair.task
    share = 1.0 if task.headline == "score" else float(stream.random())
    return Score(
        sample_id=f"{task.name}/{index}",
        task=task.name,
        category=task.category,
        index=index,
        status="ok",
        error_kind=None,
        output_text="an answer that nobody gave, as long as one to this task would be: " + str(index),
        metric=task.metric,
        headline=task.headline,
        metric_version="1",
        values={task.headline: value, "score": value * share},
        nfe=nfe,
        gen_length=length,
        block_length=length if pair.block == "full" else int(pair.block),
        content_length=int(stream.integers(length // 2, length)),
        seconds=float(0.05 * nfe),
    )


def _manifest(pair: Pair, path: Path) -> dict[str, Any]:
    task = pair.task
    identity = {
        "model": {"name": pair.model, "family": "llada", "revision": "1"},
        "dtype": "bfloat16",
        "sampler": {"name": pair.sampler, "options": {pair.option: pair.value}},
        "block_length": pair.block,
        "gen_length": None,
        "temperature": 0.0,
        "seed": 0,
        "compat": None,
        "cache": "none",
        "infill": False,
        "labels": {},
    }
    counts = {"samples": SAMPLES, "selected": SAMPLES, "done": SAMPLES}
    about = {"category": task.category, "metric": task.metric, "headline": task.headline}
    return {
        "generations": {"path": path.name.replace(".scores", ""), "sha256": "0" * 64},
        "run": {
            "config_id": config_id(identity),
            "identity": identity,
            "data": {task.name: "0" * 64},
            "tasks": {task.name: about | counts},
            "counts": {"ok": SAMPLES},
            "status": "complete",
        },
        "metrics": {task.metric: "1"},
        "grammar_checker": {"name": "harper", "version": "1"} if task.category == "text_writing" else None,
        "bertscore": None,
        "answers_scored": SAMPLES,
        "counts": {},
        "status": "complete",
    }


def make(folder: Path, files: int) -> None:
    """Write the first `files` files of the grid that are not there yet."""
    wanted = [pair for pair in islice(pairs(), files) if not (folder / pair.model / pair.name).exists()]
    with ProcessPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        for _ in pool.map(write_pair, [folder] * len(wanted), wanted, chunksize=50):
            pass
    print(f"{folder}: {files} score files, {files * SAMPLES:,} rows")


def measure(folder: Path) -> None:
    """Wall time, processor time and peak memory of each report, in a process of its own."""
    for form, headline, goal in REPORTS:
        with tempfile.TemporaryDirectory() as out:
            target = Path(out) / {"table": "report.txt", "json": "report.json", "html": "report.html"}[form]
            command = ["-m", "pbench", "report", str(folder), "--format", form, "--headline", headline]
            started = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, *command, "--out", str(target)], stdout=subprocess.DEVNULL
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            print(
                f"{form}, headline {headline} (goal {goal} s): {seconds:.1f} s, "
                f"processor {usage.ru_utime + usage.ru_stime:.1f} s, "
                f"peak memory {usage.ru_maxrss / 1024**2:.2f} GB, exit {process.returncode}, "
                f"{target.stat().st_size / 1e6:.1f} MB",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "folder", nargs="?", type=Path, help="a folder that --make filled: measure the report"
    )
    parser.add_argument("--make", type=Path, metavar="DIR", help="write the score files to DIR")
    parser.add_argument("--files", type=int, default=FILES, help="how many of them")
    options = parser.parse_args()
    if options.make is not None:
        make(options.make, options.files)
    elif options.folder is not None:
        measure(options.folder)
    else:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), options.files)
            measure(Path(folder))


if __name__ == "__main__":
    main()
