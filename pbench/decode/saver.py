"""Finished rows on their way into the journal: at once, in groups, and never in the decoder's way.

A burst of rows that end at one step would wait for the next row of a slow model if the decoder wrote
them itself; so a thread does, as soon as there is one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Self

from pbench.records import Generation

__all__ = ["Saver"]


class Saver:
    """Context manager; `write` makes rows safe, one call at a time.

    After a write the thread rests for `pause` seconds, so that rows go to disk in groups; with 0
    there is no thread, and `add` returns when the row is safe.
    """

    def __init__(self, write: Callable[[Sequence[Generation]], None], pause: float):
        self._write = write
        self._pause = pause
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._waiting: list[Generation] = []
        self._saved: list[Generation] = []
        self._error: BaseException | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="pbench saver", daemon=True)

    def add(self, row: Generation, at_once: bool = False) -> list[Generation]:
        """Take in a row; what is safe since the last call. Raises what kept the thread from writing.

        With `at_once` it is safe when this returns.
        """
        with self._changed:
            self._waiting.append(row)
            self._changed.notify()
        if at_once or not self._pause:
            self._save()
        return self.saved()

    def saved(self) -> list[Generation]:
        """Rows that are safe since the last call; raises as `add` does."""
        with self._changed:
            if self._error is not None:
                raise self._error
            saved, self._saved = self._saved, []
        return saved

    def close(self) -> None:
        """Wait until all rows are safe, or cannot be."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        if self._pause:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
            try:
                self._save()
            except BaseException:
                return  # `saved` raises it where somebody hears it
            with self._changed:
                self._changed.wait_for(lambda: self._closing, self._pause)

    def _save(self) -> None:
        with self._writing:
            with self._changed:
                rows, self._waiting = self._waiting, []
            try:
                self._write(rows)
            except BaseException as error:
                with self._changed:
                    self._error = error
                raise
            with self._changed:
                self._saved += rows
