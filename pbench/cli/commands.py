"""Which commands there are. Their modules import stages inside functions, so that help is quick."""

from __future__ import annotations

from importlib import import_module

import typer

_MODULES = (
    "tasks", "decode", "sweep", "score", "report", "trace", "models", "samplers", "train", "theory", "show",
    "doctor",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Let each module in the list add its command or group to `app`."""
    for name in _MODULES:
        import_module(f"pbench.cli.{name}").register(app)
