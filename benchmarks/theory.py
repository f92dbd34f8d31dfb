"""The theory's speed: marginals of the oracle, the summary table, all panels of figure 2.

Goals on 2 cores: marginals of 16 items at batch 1024 under 20 ms a step (the first step, which asks
for every position, is the longest; best of 20), `table1 --n 10` under 2 s, with `--check` under
10 s, all panels with 20,000 samples a cell under 5 minutes. `--quick` leaves out the panels.
"""

from __future__ import annotations

import subprocess
import sys
import time

import torch

from pbench.decode.canvas import BatchCanvas
from pbench.models.oracle import OracleDenoiser
from pbench.theory.figure2 import figure2
from pbench.theory.pool import one_thread
from pbench.theory.samples import theory_samples
from pbench.theory.simulate import simulate_cells
from pbench.theory.tasks import get_task

ROWS, ITEMS, REPEATS = 1024, 16, 20


def marginals(task: str, n: int) -> None:
    """One forward pass on canvases of masks, and on canvases that are half revealed."""
    positions = get_task(task).positions(n)
    oracle = OracleDenoiser(items=n + 1)
    canvas = BatchCanvas(positions, oracle.mask_token_id, oracle.pad_token_id, oracle.device)
    masks = [[oracle.mask_token_id] * positions] * ROWS
    canvas.extend([oracle.encode(sample) for sample in theory_samples(task, n, ROWS)], masks)
    rows, columns = torch.meshgrid(torch.arange(ROWS), torch.arange(positions), indexing="ij")
    every = torch.stack([rows, columns + canvas.answer_start], dim=-1)
    times = []
    for asked in (every, every[:, positions // 2 :]):
        times.append(1000 * min(_seconds(oracle, canvas, asked.reshape(-1, 2)) for _ in range(REPEATS)))
        first = oracle.logits(canvas, every.reshape(-1, 2)).view(ROWS, positions, -1).argmax(2)
        canvas.answers[:, : positions // 2] = first[:, : positions // 2]
    print(
        f"{task:<16} n={n:<3} batch {ROWS}: first step {times[0]:5.1f} ms, half revealed {times[1]:5.1f} ms"
    )


def _seconds(oracle: OracleDenoiser, canvas: BatchCanvas, positions: torch.Tensor) -> float:
    started = time.perf_counter()
    oracle.logits(canvas, positions)
    return time.perf_counter() - started


def command(*words: str, goal: float) -> None:
    """A command as a user runs it."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "pbench", "--quiet", "theory", *words], stdout=subprocess.DEVNULL, check=True
    )
    print(f"theory {' '.join(words)}: {time.perf_counter() - started:.1f} s (goal {goal:g})")


def panels() -> None:
    """All five, as `pbench theory simulate` does it."""
    cells = [cell for panel in figure2() for cell in panel.cells]
    started = time.perf_counter()
    checked = list(simulate_cells(cells, 20_000, 0, workers=2))
    inside = sum(one.inside for one in checked)
    seconds = time.perf_counter() - started
    print(f"{len(cells)} cells of 20,000 samples: {seconds:.0f} s (goal 300), {inside} closed forms inside")


def main() -> None:
    with one_thread():  # as the simulation has it
        for task in ("copy", "shuffle", "shuffle_other", "replace_random", "insert_random", "remove_random"):
            marginals(task, ITEMS)
        marginals("latin_square_n4", 4)
    command("table1", "--n", "10", goal=2)
    command("table1", "--n", "10", "--check", goal=10)
    if "--quick" not in sys.argv:
        panels()


if __name__ == "__main__":
    main()
