"""Progress of a decode run on stderr: bars on a terminal, a line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pbench.cli import console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from pbench.records import Generation

__all__ = ["DecodeProgress"]

LOG_SECONDS = 30.0


class DecodeProgress:
    """Context manager; `update` is the run's `on_progress`."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._started = self._logged = time.monotonic()
        self._done = 0
        self._nfe: list[int] = []

    def __enter__(self) -> Self:
        if not console.state.quiet and sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bars = Progress(
                TextColumn("decoding", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}", markup=False),
                TimeRemainingColumn(),
                console=Console(stderr=True, markup=False),
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def update(self, total: int, rows: Sequence[Generation]) -> None:
        """`rows` are finished and saved; `total` is how many this call decodes."""
        self._done += len(rows)
        self._nfe += [row.nfe for row in rows if row.nfe is not None]
        if self._bars is not None:
            if self._task is None:
                self._task = self._bars.add_task("", total=total, rate="")
            self._bars.update(self._task, completed=self._done, rate=self._rate())
        elif time.monotonic() - self._logged >= LOG_SECONDS:
            self._logged = time.monotonic()
            left = (total - self._done) * (self._logged - self._started) / max(1, self._done)
            console.note(f"{self._done}/{total} samples, {self._rate()}, about {left:.0f} s to go")

    def _rate(self) -> str:
        seconds = max(1e-9, time.monotonic() - self._started)
        nfe = f", mean NFE {sum(self._nfe) / len(self._nfe):.1f}" if self._nfe else ""
        return f"{self._done / seconds:.1f} samples/s{nfe}"
