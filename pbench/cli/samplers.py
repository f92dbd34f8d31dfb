"""`pbench samplers list | show NAME`: which unmasking policies there are and what they take."""

from __future__ import annotations

from typing import Any

import typer

from pbench.cli import console
from pbench.cli.frequencies import frequencies

__all__ = ["register"]

group = typer.Typer(
    name="samplers", help="List and show unmasking samplers.", no_args_is_help=True, rich_markup_mode=None
)

_JSON = typer.Option(False, "--json", help="One JSON object on stdout.")
_COMMON = "min-gap"


def register(app: typer.Typer) -> None:
    app.add_typer(group)


group.command()(frequencies)


@group.command(name="list")
def list_samplers(as_json: bool = _JSON) -> None:
    """List the samplers, plug-ins included, with their options."""
    from pbench.errors import UsageError
    from pbench.samplers import SAMPLERS
    from pbench.samplers.card import card

    entries: list[dict[str, Any]] = []
    for name in SAMPLERS.names():
        try:
            entries.append(card(name))
        except UsageError as error:
            console.warn(str(error))
    if as_json:
        console.result_json({"samplers": entries})
        return
    for entry in entries:
        options = " ".join(f"--{each['name']}" for each in entry["options"] if each["name"] != _COMMON)
        aliases = f"  (also {', '.join(entry['aliases'])})" if entry["aliases"] else ""
        console.result(console.clean(f"{entry['name']:<16} {options}{aliases}"))
    console.note(f"all of them take --{_COMMON}; `pbench samplers show NAME` says more")


@group.command()
def show(
    name: str = typer.Argument(metavar="NAME", help="A sampler, or an alias of one."), as_json: bool = _JSON
) -> None:
    """Show the rule of a sampler and its options. Also its source, what it may do, how it was checked."""
    from pbench.samplers.card import card

    entry = card(name)
    if as_json:
        console.result_json(entry)
        return
    aliases = f" (also {', '.join(entry['aliases'])})" if entry["aliases"] else ""
    lines = [f"{entry['name']}{aliases}", f"  {entry['rule']}", "options"]
    lines += [f"  {_describe(option)}" for option in entry["options"]]
    lines += ["source", f"  {entry['source'] or 'not said'}"]
    lines += [
        "flags",
        f"  {', '.join(_flags(entry)) or 'none: every forward commits masks and nothing else'}",
    ]
    lines += ["checked against", f"  {_checks(entry)}"]
    console.result(console.clean("\n".join(lines)))


def _describe(option: dict[str, Any]) -> str:
    """`--gamma number >= 0, <= 2 (required): commit where ...`."""
    kind = " | ".join(option["choices"]) if option["choices"] else option["type"]
    bounds = f" {option['range']}" if option["range"] else ""
    default = "none" if option["default"] is None else option["default"]
    state = "required" if option["required"] else f"default {default}"
    return f"--{option['name']} {kind}{bounds} ({state}): {option['description']}"


def _flags(entry: dict[str, Any]) -> list[str]:
    return [flag.replace("_", " ") for flag in entry["flags"]] + [f"needs {need}" for need in entry["needs"]]


def _checks(entry: dict[str, Any]) -> str:
    if entry["checked"] is None:
        return "not said"
    return entry["checked"].removeprefix("Checked against ")
