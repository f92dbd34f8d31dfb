"""`pbench samplers list | show NAME`: which unmasking policies there are and what they take."""

from __future__ import annotations

import inspect
from typing import Any

import typer

from pbench.cli import console

__all__ = ["register"]

group = typer.Typer(
    name="samplers", help="List and show unmasking samplers.", no_args_is_help=True, rich_markup_mode=None
)


def register(app: typer.Typer) -> None:
    app.add_typer(group)


@group.command(name="list")
def list_samplers(as_json: bool = typer.Option(False, "--json", help="One JSON object on stdout.")) -> None:
    """All samplers, plug-ins included."""
    from pbench.errors import UsageError
    from pbench.samplers import SAMPLERS

    entries: list[dict[str, Any]] = []
    for name in SAMPLERS.names():
        try:
            entries.append(_describe(SAMPLERS.get(name)))
        except UsageError as error:
            console.warn(str(error))
    if as_json:
        console.result_json({"samplers": entries})
        return
    for entry in entries:
        options = " ".join(f"--{option['name']}" for option in entry["options"])
        aliases = f"  (also {', '.join(entry['aliases'])})" if entry["aliases"] else ""
        console.result(f"{entry['name']:<15} {options}{aliases}")


@group.command()
def show(name: str, as_json: bool = typer.Option(False, "--json", help="One JSON object.")) -> None:
    """The rule of one sampler and its options."""
    from pbench.samplers import SAMPLERS

    entry = _describe(SAMPLERS.get(name))
    if as_json:
        console.result_json(entry)
        return
    console.result(f"{entry['name']}: {entry['rule']}")
    for option in entry["options"]:
        console.result(f"  --{option['name']}: {option['description']} (default: {option['default']})")


def _describe(cls: type[Any]) -> dict[str, Any]:
    options = [
        {
            "name": key.replace("_", "-"),
            "default": None if field.is_required() else field.default,
            "required": field.is_required(),
            "range": [str(limit) for limit in field.metadata],
            "description": field.description or "",
        }
        for key, field in cls.Options.model_fields.items()
    ]
    traits = cls.traits
    return {
        "name": cls.name,
        "aliases": list(cls.aliases),
        "options": options,
        "rule": inspect.getdoc(cls) or "",
        "may_remask": traits.may_remask,
        "may_edit": traits.may_edit,
        "may_idle": traits.may_idle,
        "needs": sorted(traits.needs),
    }
