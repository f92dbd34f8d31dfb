"""The bundled model, one token a step: ten tasks x 100 samples, time and memory of the command.

Goals on 2 cores: under 40 s and under 1 GB resident.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


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


def main() -> None:
    command()


if __name__ == "__main__":
    main()
