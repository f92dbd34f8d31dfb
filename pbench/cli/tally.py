"""A count that grows on stderr: a bar on a terminal, a line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pbench.cli import console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Tally"]

LOG_SECONDS = 30.0


class Tally:
    """Context manager; `add` says how many of `total` things (`what`, such as "answers") are new."""

    def __init__(self, doing: str, what: str, total: int) -> None:
        self._doing, self._what, self._total = doing, what, total
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._started = self._logged = time.monotonic()
        self._done = 0

    def __enter__(self) -> Self:
        if not console.state.quiet and sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bars = Progress(
                TextColumn(self._doing, markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}", markup=False),
                TimeRemainingColumn(),
                console=Console(stderr=True, markup=False),
                transient=True,
            )
            self._task = self._bars.add_task("", total=self._total, rate="")
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def add(self, count: int) -> None:
        """`count` more are done."""
        self._done += count
        now = time.monotonic()
        rate = self._done / max(1e-9, now - self._started)
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=self._done, rate=f"{rate:.0f} {self._what}/s")
        elif now - self._logged >= LOG_SECONDS:
            self._logged = now
            left = (self._total - self._done) / max(1e-9, rate)
            console.note(
                f"{self._doing}: {self._done} of {self._total} {self._what}, {rate:.0f}/s, "
                f"about {left:.0f} s to go"
            )
