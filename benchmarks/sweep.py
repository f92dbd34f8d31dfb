"""What a sweep costs beside decoding: a run of one sample, a large plan, workers that keep their model.

Goals: under 50 ms for a run beyond its decoding, under 2 s to expand 2,823 runs.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import chdir, redirect_stdout
from pathlib import Path

from pbench.cli import sweep_runs
from pbench.cli.app import _register, _run
from pbench.decode.grid import TaskInfo, expand
from pbench.decode.runners import LocalRunner
from pbench.decode.sweep_file import Matrix, SweepFile
from pbench.records import Generation, Sample

GRID = """\
tasks: [copy]
limit: 1
matrix:
  model: tiny
  sampler:
    - name: [confidence, margin, entropy, random]
      k: 32
  seed: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
"""


def overhead() -> None:
    """48 runs of one sample: each run's time without what its model took."""
    spent: list[float] = []
    runs: list[float] = []
    decode, run = LocalRunner.run, sweep_runs._run

    def timed_decode(self: LocalRunner, samples: Sequence[Sample]) -> Iterator[Generation]:
        started = time.perf_counter()
        rows = list(decode(self, samples))
        spent.append(time.perf_counter() - started)
        yield from rows

    def timed_run(*arguments: object) -> None:
        started, before = time.perf_counter(), sum(spent)
        run(*arguments)  # type: ignore[arg-type]
        runs.append(time.perf_counter() - started - (sum(spent) - before))

    LocalRunner.run, sweep_runs._run = timed_decode, timed_run  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ["XDG_CACHE_HOME"] = folder
        Path("grid.yaml").write_text(GRID)
        cpu = time.process_time()
        with redirect_stdout(io.StringIO()):
            assert _run(["--quiet", "sweep", "grid.yaml"]) == 0
            first = list(runs)
            runs.clear()
            assert _run(["--quiet", "sweep", "grid.yaml"]) == 0
    LocalRunner.run, sweep_runs._run = decode, run  # type: ignore[method-assign]
    print(
        f"a run of one sample, beyond decoding: median {1000 * statistics.median(first):.0f} ms (goal 50);"
        f" CPU of two sweeps of {len(first)} runs {time.process_time() - cpu:.1f} s"
    )
    print(f"a run that is finished: median {1000 * statistics.median(runs):.1f} ms")


def plan() -> None:
    """2,823 runs of one task."""
    matrix = Matrix.model_validate(
        {"model": "tiny", "sampler": [{"name": "confidence", "k": [1, 2, 4]}], "seed": list(range(941))}
    )
    sweep = SweepFile(tasks=["a"], matrix=[matrix])
    started = time.perf_counter()
    grid = expand(sweep, {"a": [TaskInfo("lists/a", "waiting_line", 32)]}, Path("made.yaml"))
    print(f"a plan of {len(grid.runs)} runs: {time.perf_counter() - started:.2f} s (goal 2)")


def dry_run() -> None:
    """The paper's grid on the bundled model, as a command of its own."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        command = ["sweep", "paper_benchmark", "--model", "tiny", "--dry-run", "--quiet"]
        subprocess.run(
            [sys.executable, "-m", "pbench", *command],
            cwd=folder,
            env=os.environ | {"XDG_CACHE_HOME": folder, "PYTHONPATH": str(Path.cwd())},
            check=True,
        )
        print(f"pbench {' '.join(command)}: {time.perf_counter() - started:.1f} s, tasks built on the way")


def main() -> None:
    _register()
    overhead()
    plan()
    dry_run()


if __name__ == "__main__":
    main()
