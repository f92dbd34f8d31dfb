"""Python's collector of cycles, kept from looking through what imports made.

torch alone makes some hundred thousand objects that live until the end and hold no garbage.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["leave_alone", "paused"]


@contextmanager
def paused() -> Iterator[None]:
    """No collection inside; what there is at the end is left alone by later ones."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        leave_alone()
        if running:
            gc.enable()


def leave_alone() -> None:
    """Look through nothing that is there now, not even at the end of the program, which takes all."""
    gc.freeze()
