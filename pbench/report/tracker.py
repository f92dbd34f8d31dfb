"""A finished report's files to an experiment tracker, from a process of its own with a time limit.

A tracker that is down, slow or broken costs a note: the report is on disk before anything is sent.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from pbench.errors import UsageError

__all__ = ["TrackerError", "require", "send"]

LIMIT_SECONDS = 60.0
_SENDER = "pbench.report.wandb_sender"


class TrackerError(Exception):
    """What the tracker said, in one line; the report is not touched by it."""


def require(name: str) -> None:
    """UsageError unless the tracker's package is installed; asked before any work is done."""
    if find_spec(name) is None:
        raise UsageError(f"--log-to {name} needs the extra `track`: pip install 'pbench[track]'")


def send(folder: Path, limit_seconds: float | None = None) -> str:
    """Send the files of the report in `folder` to Weights & Biases; where they can be seen.

    The tracker's own environment variables say where to and as whom. TrackerError if it fails or
    takes longer than `limit_seconds` (default LIMIT_SECONDS); all its processes are gone then.
    """
    limit = LIMIT_SECONDS if limit_seconds is None else limit_seconds
    process = subprocess.Popen(
        [sys.executable, "-m", _SENDER, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # the tracker starts processes, too: all of them end together
    )
    try:
        out, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise TrackerError(f"no answer within {limit:.0f} s") from None
    finally:
        _end(process)
    if process.returncode:
        raise TrackerError(_last_line(errors) or f"it ended with exit code {process.returncode}")
    return _last_line(out)


def _end(process: subprocess.Popen[str]) -> None:
    """The sender and its group are gone; the tracker's own service ends when its client has."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
