"""The score stage: metrics a second, 10,000 summaries, memory at three sizes, many runs at once.

Goals: list and puzzle metrics at least 100,000 answers a second on one core; 10,000 summaries with
ROUGE, BLEU and harper in under 60 s on two cores; memory that does not grow with the run.
`--make DIR` keeps the runs that it scores, for use by hand.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pbench.artifacts import write_artifact
from pbench.metrics import MetricTools, score_many
from pbench.records import Generation, Sample
from pbench.tasks import generate, resolve

NAMES = ["Ann Lee", "Bob Ray", "Cid Fox", "Dan Elm", "Eva Ash", "Fay Oak", "Gil Fir", "Hal Yew"]
ROUNDS = 20
ANSWERS = 5_000
SUMMARIES = 10_000
SIZES = (10_000, 40_000, 160_000)
RUNS, ROWS_OF_A_RUN = 40, 1_700


def written(items: list[str]) -> str:
    return "[" + ", ".join(f'"{item}"' for item in items) + "]"


# Metric -> an answer that is right, and its reference.
RIGHT: dict[str, tuple[str, Any]] = {
    "list_match": (written(NAMES), written(NAMES)),
    "list_shuffle": (written(NAMES[::-1]), {"input": NAMES}),
    "list_random_insert": (written([*NAMES[:3], "Zoe Ivy", *NAMES[3:]]), {"input": NAMES, "word": "Zoe Ivy"}),
    "list_random_remove": (written(NAMES[:3] + NAMES[4:]), {"input": NAMES, "n_words": 1}),
    "list_random_replace": (
        written([*NAMES[:3], "Zoe Ivy", *NAMES[4:]]),
        {"input": NAMES, "word": "Zoe Ivy"},
    ),
    "latin_square": ("A,B,C,D\nB,C,D,A\nC,D,A,B\nD,A,B,C", {"symbols": list("ABCD"), "size": 4}),
    "sudoku": ("1234\n3412\n2143\n4321", "1234\n3412\n2143\n4321"),
    "domino": ("[12, 23, 34, 45]", {"length": 4, "start": 12}),
    "math_op": ("1,234", 1234),
}


def metrics() -> None:
    """Best of ROUNDS, so that a busy machine counts less."""
    for metric, (answer, reference) in RIGHT.items():
        answers, references = [answer] * ANSWERS, [reference] * ANSWERS
        best = float("inf")
        for _ in range(ROUNDS):
            started = time.perf_counter()
            outcomes = score_many(metric, answers, references, MetricTools())
            best = min(best, time.perf_counter() - started)
        assert outcomes[-1][0]["score"] == 1.0
        print(f"{metric:24}{ANSWERS / best:12,.0f} answers/s (goal 100,000)")


def row(task: str, index: int, output: str, metric: str, headline: str, answer: Any) -> Generation:
    sample = Sample(
        sample_id=f"{task}/{index}",
        task=task,
        category="text_writing",
        index=index,
        messages=({"role": "user", "content": "A prompt of some two hundred characters. " * 5},),
        answer=answer,
        gen_length=64,
        metric=metric,
        headline=headline,
    )
    return Generation(
        sample=sample,
        status="ok",
        output_text=output,
        output_ids=tuple(range(64)),
        commit_step=tuple(range(64)),
        gen_length=64,
        block_length=64,
        content_length=40,
        nfe=64,
        query_tokens=8192,
        seconds=0.5,
    )


def summary_rows() -> Iterator[Generation]:
    """No two answers alike; each is judged as a summary (ROUGE) and as a paraphrase (BLEU)."""
    [spec] = resolve(["samsum"])
    references = [sample.answer["summary"] for sample in generate(spec)]
    for index in range(SUMMARIES):
        target = references[index % len(references)]
        output = f"{target} It is message {index + 1}."
        yield row("text/sum", index, output, "summary", "grammar_score", {"summary": target})
        yield row("text/para", index, output, "paraphrase", "grammar_score", {"text": target})


def list_rows(count: int) -> Iterator[Generation]:
    answer = written(NAMES)
    for index in range(count):
        yield row("list/copy", index, answer, "list_match", "score", answer)


def make(path: Path, rows: Iterator[Generation], tasks: dict[str, str]) -> Path:
    entries = {task: {"category": "text_writing", "metric": metric} for task, metric in tasks.items()}
    manifest = {"config_id": path.stem, "identity": {}, "tasks": entries, "status": "complete"}
    return path if path.exists() else write_artifact(path, "generations", rows, manifest)


def command(*arguments: str) -> tuple[float, float, float]:
    """Seconds on the clock and of CPU, and peak resident megabytes, of `pbench score ARGUMENTS`."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "pbench", "score", "--force", "--quiet", *arguments],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("pbench score failed")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def summaries(folder: Path) -> None:
    path = make(
        folder / "summaries.parquet", summary_rows(), {"text/sum": "summary", "text/para": "paraphrase"}
    )
    for when in ("first time", "again"):
        seconds, cpu, peak = command("--grammar", "harper", str(path))
        used = f"{cpu:.1f} s of CPU, peak {peak:.0f} MB"
        print(f"{SUMMARIES:,} summaries, {when}: {seconds:.1f} s (goal 60), {used}")


def memory(folder: Path) -> None:
    for size in SIZES:
        path = make(folder / f"lists-{size}.parquet", list_rows(size), {"list/copy": "list_match"})
        seconds, cpu, peak = command(str(path))
        print(f"{size:,} lists: {seconds:.1f} s, {cpu:.1f} s of CPU, peak {peak:.0f} MB")


def many_runs(folder: Path) -> None:
    paths = [
        str(make(folder / f"run-{number}.parquet", list_rows(ROWS_OF_A_RUN), {"list/copy": "list_match"}))
        for number in range(RUNS)
    ]
    for workers in ("1", "2"):
        seconds, cpu, _ = command("--workers", workers, *paths)
        print(f"{RUNS} runs of {ROWS_OF_A_RUN:,}, --workers {workers}: {seconds:.1f} s, {cpu:.1f} s of CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--make", type=Path, metavar="DIR", help="keep the runs here")
    kept = parser.parse_args().make
    with tempfile.TemporaryDirectory() as temporary:
        folder = kept or Path(temporary)
        metrics()
        summaries(folder)
        memory(folder)
        many_runs(folder)


if __name__ == "__main__":
    main()
