"""`pbench show FILE`: what an artifact says of itself."""

from __future__ import annotations

from pathlib import Path

import typer

from pbench.cli import console

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(show)


def show(
    file: Path = typer.Argument(help="An artifact: samples, generations or scores (.parquet or .jsonl)."),
    json: bool = typer.Option(  # noqa: ARG001 - a manifest has no other form
        False, "--json", help="The manifest is printed as JSON with and without it."
    ),
) -> None:
    """Print the manifest of an artifact as JSON: what made it, from what, and how it ended."""
    from pbench.artifacts import read_manifest

    console.result_json(read_manifest(file))
