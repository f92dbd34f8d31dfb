"""Speed-quality curves: one panel for the mean and one a task, as Vega-Lite, SVG and PNG.

Colours belong to samplers, on every page the same.
"""

from __future__ import annotations

import math
import zlib
from typing import Any

from pbench.report.build import Report
from pbench.report.chart_data import ChartData, chart_data, name_ends
from pbench.report.chart_style import INK, styled

__all__ = ["COLOURS", "PNG_SCALE", "colour", "curves", "png", "svg"]

PNG_SCALE = 2.0
COLOURS = {
    "confidence": "#2f81f7",
    "random": "#2da44e",
    "left-to-right": "#b08800",
    "margin": "#1b9e9e",
    "entropy": "#7c6cf0",
    "threshold": "#e8590c",
    "factor": "#d6409f",
    "autoregressive": "#57606a",
    "dynamic": "#a8551e",
    "frechet": "#c2255c",
    "entropy-bounded": "#9c36b5",
    "klass": "#846358",
    "slowfast": "#0c8599",
    "dilated": "#74905d",
    "wino": "#e03131",
    "pc": "#4263eb",
    "local-leap": "#f08c00",
    "joint-threshold": "#b197fc",
    "remdm": "#66a80f",
    "rcr": "#0ca678",
    "origin": "#a47551",
    "apd": "#3a7ca5",
    "hierarchical": "#c0a000",
    "credit": "#d6604d",
    "frontier": "#8a8f98",
}
_SPARE = ("#6a8caf", "#b36b8b", "#5f9e6e", "#b5893c", "#8a7ad1", "#3f9fb5", "#c0665a", "#7f8f3a")
_COLUMNS = 4
_SMALL = (190, 120)  # width and height of a panel: four stand side by side in 900 pixels
_LARGE = (700, 230)
_ROOM = 44  # pixels at the sides of the panel of means, for the names of the ends
_PADDING = 16  # pixels above and below it, for the same


def colour(sampler: str) -> str:
    """The colour of a sampler; one that we do not know takes a spare one by its name."""
    return COLOURS.get(sampler) or _SPARE[zlib.crc32(sampler.encode()) % len(_SPARE)]


def curves(report: Report) -> dict[str, Any] | None:
    """The chart as self-contained Vega-Lite: percent against tokens per step, log scale.

    None if no run point has both.
    """
    import altair as alt

    data = chart_data(report)
    if not data.tasks:
        return None
    small = _encoding(data, 6)
    if data.means:
        _name_ends(data)
        top = _ends_named(_panel(data.means, _encoding(data, _ROOM), *_LARGE))
        top = top.properties(title=alt.TitleParams(data.mean_title, fontSize=13, anchor="start"))
        grid = _grid(_panel(data.tasks, _without_legends(small), *_SMALL), data.panels)
        chart = alt.vconcat(top, grid, spacing=26)
        chart = chart.resolve_legend(color="independent", strokeDash="independent")
    else:
        chart = _grid(_panel(data.tasks, small, *_SMALL), data.panels)
    title = f"Quality against parallelism: {', '.join(data.models)}"
    head = alt.TitleParams(title, subtitle=_subtitle(data.tasks), anchor="start", offset=14)
    return styled(chart.properties(title=head))


def svg(chart: dict[str, Any]) -> str:
    """The chart as an SVG document."""
    import vl_convert

    return vl_convert.vegalite_to_svg(chart, vl_version=_version(chart))


def png(chart: dict[str, Any]) -> bytes:
    """The chart as a PNG image, PNG_SCALE pixels a unit."""
    import vl_convert

    return vl_convert.vegalite_to_png(chart, vl_version=_version(chart), scale=PNG_SCALE)


def _version(chart: dict[str, Any]) -> str:
    """`5.20` of the schema's address `.../vega-lite/v5.20.1.json`."""
    return ".".join(chart["$schema"].rsplit("/v", 1)[1].split(".")[:2])


def _grid(panel: Any, titles: list[str]) -> Any:
    """Small multiples of `panel`, one a task in the report's order."""
    import altair as alt

    header = alt.Header(title=None, labelFontSize=12, labelFontWeight="bold", labelColor=INK, labelPadding=4)
    return panel.facet(facet=alt.Facet("panel:N", sort=titles, header=header), columns=_COLUMNS, spacing=18)


def _encoding(data: ChartData, room: int) -> dict[str, Any]:
    """Channels of all panels, so that they can be compared at a glance; `room` pixels at the sides."""
    import altair as alt

    ticks = _ticks(data)
    x_scale = alt.Scale(type="log", base=2, domain=[ticks[0], ticks[-1]], nice=False, padding=room)
    colours = alt.Scale(domain=list(data.samplers), range=[colour(name) for name in data.samplers.values()])
    legend = alt.Legend(title="sampler", symbolType="circle", symbolOpacity=1, symbolSize=90)
    found = {
        "x": alt.X(
            "speed:Q", scale=x_scale, axis=alt.Axis(title="tokens per step", values=ticks, format="~g")
        ),
        "y": _percent("percent:Q"),
        "color": alt.Color("sampler:N", scale=colours, legend=legend),
    }
    if len(data.runs) > 1:
        dashes = alt.Scale(domain=data.runs)
        found["strokeDash"] = alt.StrokeDash("run:N", scale=dashes, legend=alt.Legend(title="run"))
    return found


def _ticks(data: ChartData) -> list[float]:
    """Powers of two around all speeds, at least one doubling apart."""
    speeds = [row["speed"] for row in [*data.means, *data.tasks]]
    low, high = math.floor(math.log2(min(speeds))), math.ceil(math.log2(max(speeds)))
    return [2.0**power for power in range(low, max(high, low + 1) + 1)]


def _name_ends(data: ChartData) -> None:
    """Place the names of the ends in the panel of means, by its scales."""
    ticks = _ticks(data)
    width, height = _LARGE
    span = math.log2(ticks[-1]) - math.log2(ticks[0])
    name_ends(
        data.means,
        lambda speed: _ROOM + (math.log2(speed) - math.log2(ticks[0])) / span * (width - 2 * _ROOM),
        lambda percent: _PADDING + (1 - percent / 100) * (height - 2 * _PADDING),
        width,
    )


def _without_legends(encoding: dict[str, Any]) -> dict[str, Any]:
    return {
        name: channel if name in ("x", "y") else channel.legend(None) for name, channel in encoding.items()
    }


def _percent(field: str) -> Any:
    import altair as alt

    axis = alt.Axis(title="score, %", values=[0, 25, 50, 75, 100])
    return alt.Y(field, scale=alt.Scale(domain=[0, 100], padding=4), axis=axis)


def _panel(data: list[dict[str, Any]], encoding: dict[str, Any], width: int, height: int) -> Any:
    """Error bars, lines and points of the rows of `data`."""
    import altair as alt

    def weighted(most: float) -> Any:
        return alt.Size("weight:Q", scale=alt.Scale(domain=[0, 1], range=[0, most]), legend=None)

    solid = {name: channel for name, channel in encoding.items() if name != "strokeDash"}
    curve = alt.Chart().encode(**encoding, detail="run:N", order="place:Q")
    spots = alt.Chart().encode(**solid, detail="run:N")
    bars = spots.mark_rule(strokeWidth=1.3, opacity=0.6).encode(y=_percent("low:Q"), y2="high:Q")
    lines = curve.mark_line(opacity=1).encode(
        strokeWidth=alt.StrokeWidth("weight:Q", scale=alt.Scale(domain=[0, 1], range=[0, 3.2]), legend=None)
    )
    dots = spots.mark_circle(opacity=1).encode(size=weighted(64), tooltip=_tooltips())
    layers = alt.layer(bars, lines, dots, data=alt.Data(values=data)).properties(width=width, height=height)
    return layers.resolve_scale(size="independent")


def _ends_named(panel: Any) -> Any:
    """The panel with the settings of each curve's first and last point written beside them."""
    import altair as alt

    base = alt.Chart().encode(x="speed:Q", y="percent:Q", detail="run:N")
    places: dict[str, dict[str, Any]] = {
        "right": {"dx": 8, "align": "left"},
        "above": {"dy": -11},
        "left": {"dx": -8, "align": "right"},
        "below": {"dy": 13},
    }
    for field, place in places.items():
        panel += base.mark_text(fontSize=11, color=INK, **place).encode(text=f"{field}:N")
    return panel


def _tooltips() -> list[Any]:
    import altair as alt

    texts = [alt.Tooltip(f"{name}:N", title=name) for name in ("sampler", "run", "setting")]
    numbers = (
        ("speed", "tokens per step", ".2f"),
        ("percent", "score, %", ".1f"),
        ("low", "95 % from", ".1f"),
        ("high", "95 % to", ".1f"),
        ("n", "samples", "d"),
    )
    return texts + [alt.Tooltip(f"{name}:Q", title=title, format=form) for name, title, form in numbers]


def _subtitle(rows: list[dict[str, Any]]) -> list[str]:
    sizes = {row["n"] for row in rows if row["n"] is not None}
    samples = f"{min(sizes)}" if len(sizes) == 1 else f"{min(sizes)} to {max(sizes)}"
    return [
        "Up: more answers are right. To the right: more tokens are unmasked in one step, so fewer steps.",
        f"A dot is one setting of a sampler; bars are 95 % intervals ({samples} samples a task).",
    ]
