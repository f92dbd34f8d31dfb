"""`pbench show FILE`: what an artifact says of itself."""

from __future__ import annotations

from pathlib import Path

import typer

from pbench.cli import console

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(show)


def show(
    file: Path = typer.Argument(
        metavar="FILE", help="An artifact: samples, generations or scores (.parquet or .jsonl)."
    ),
    json: bool = typer.Option(
        False, "--json", help="The whole manifest; without it the table of token texts is left out."
    ),
) -> None:
    """Print the manifest of an artifact as JSON. It says what made the file, from what, and how it ended."""
    from pbench.artifacts import read_manifest

    manifest = read_manifest(file)
    if not json and manifest.get("tokens") is not None:
        count = len(manifest["tokens"]["texts"])
        manifest["tokens"] = f"{count} token texts; --json shows them"
    console.result_json(manifest)
