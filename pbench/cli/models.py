"""`pbench models list | show M`: which models can be asked for, and what a checkpoint says."""

from __future__ import annotations

import typer

from pbench.cli import console

__all__ = ["register"]

group = typer.Typer(name="models", help="List and show models.", no_args_is_help=True, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    app.add_typer(group)


@group.command(name="list")
def list_models(as_json: bool = typer.Option(False, "--json", help="One JSON object on stdout.")) -> None:
    """The models that have a name; a checkpoint folder is a model too."""
    from pbench.models import known_models

    entries = [
        {
            "name": info.name,
            "family": info.family,
            "kind": info.kind,
            "available": info.available,
            "why": info.why,
        }
        for info in known_models()
    ]
    if as_json:
        console.result_json({"models": entries})
        return
    for entry in entries:
        state = "available" if entry["available"] else f"not available: {entry['why']}"
        console.result(f"{entry['name']:<12} {entry['family']:<14} {entry['kind']:<16} {state}")


@group.command()
def show(
    model: str, as_json: bool = typer.Option(False, "--json", help="One JSON object on stdout.")
) -> None:
    """What a model's configuration says; loads no weights."""
    import orjson

    from pbench.models import find_model

    info = find_model(model)
    config = None if info.folder is None else orjson.loads((info.folder / "config.json").read_bytes())
    payload = {"name": info.name, "family": info.family, "kind": info.kind, "config": config}
    if as_json:
        console.result_json(payload)
        return
    console.result(orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode())
