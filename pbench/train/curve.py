"""A loss curve as a picture: the loss of each step, its running mean, the validation loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pbench.artifacts import atomic_text

__all__ = ["draw_curve"]

_DECAY = 0.95
_COLOURS = {"each step": "#d0d7de", "running mean": "#0969da", "validation": "#bc4c00"}


def draw_curve(lines: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Write the SVG `path` of the lines of training.jsonl."""
    import altair as alt
    import vl_convert as vlc

    values: list[dict[str, Any]] = []
    running = lines[0]["loss"] if lines else 0.0
    for line in lines:
        running = _DECAY * running + (1 - _DECAY) * line["loss"]
        values.append({"step": line["step"], "loss": line["loss"], "curve": "each step"})
        values.append({"step": line["step"], "loss": running, "curve": "running mean"})
        if "validation_loss" in line:
            values.append({"step": line["step"], "loss": line["validation_loss"], "curve": "validation"})
    colours = alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
    chart = (
        alt.Chart(alt.Data(values=values), width=480, height=280)
        .mark_line()
        .encode(
            x=alt.X("step:Q", title="optimizer step"),
            y=alt.Y("loss:Q", title="loss (nats a token)", scale=alt.Scale(type="symlog", constant=0.01)),
            color=alt.Color("curve:N", title=None, scale=colours),
        )
    )
    atomic_text(path, vlc.vegalite_to_svg(chart.to_json()))
    return path
