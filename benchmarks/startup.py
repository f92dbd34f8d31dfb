"""Start-up of the command line beside an empty typer app: `pbench --help` at most 2x."""

from __future__ import annotations

import subprocess
import sys
import time

EMPTY = """
import typer
app = typer.Typer(rich_markup_mode=None, add_completion=False)
@app.callback()
def root() -> None: ...
@app.command()
def nothing() -> None: ...
app()
"""
ROUNDS = 15


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    """Alternate the two commands, so that a busy machine slows both, and compare their minima."""
    empty, ours = [], []
    for _ in range(ROUNDS):
        empty.append(seconds([sys.executable, "-c", EMPTY, "--help"]))
        ours.append(seconds([sys.executable, "-m", "pbench", "--help"]))
    print(f"empty typer app --help  {min(empty):.3f} s (best of {ROUNDS})")
    print(f"pbench --help           {min(ours):.3f} s   ratio {min(ours) / min(empty):.2f} (goal: 2.00)")


if __name__ == "__main__":
    main()
