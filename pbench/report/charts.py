"""Speed-quality curves: one panel for the mean and one a task, as Vega-Lite, SVG and PNG.

Colours belong to samplers, on every page the same; text and lines are mid-tones that can be read
on white and on dark pages alike, and the ground is transparent.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

from pbench.report.build import Report
from pbench.report.points import Point, Stats
from pbench.report.series import Series
from pbench.report.tables import short_names

__all__ = ["COLOURS", "PNG_SCALE", "colour", "curves", "png", "svg"]

PNG_SCALE = 2.0
COLOURS = {
    "confidence": "#2f81f7",
    "random": "#8b949e",
    "left-to-right": "#b08800",
    "margin": "#1b9e9e",
    "entropy": "#7c6cf0",
    "threshold": "#e8590c",
    "factor": "#d6409f",
    "autoregressive": "#57606a",
    "dynamic": "#a8551e",
    "frechet": "#c2255c",
    "entropy-bounded": "#9c36b5",
    "klass": "#2f9e44",
    "slowfast": "#0c8599",
    "dilated": "#74905d",
    "wino": "#e03131",
    "pc": "#4263eb",
    "local-leap": "#f08c00",
    "joint-threshold": "#b197fc",
    "remdm": "#66a80f",
    "rcr": "#0ca678",
    "origin": "#a47551",
}
_SPARE = ("#6a8caf", "#b36b8b", "#5f9e6e", "#b5893c", "#8a7ad1", "#3f9fb5", "#c0665a", "#7f8f3a")
_INK = "#768390"
_GRID = "#76839038"
_WIDTH = 178  # of a small panel: four stand side by side in 900 pixels
_HEIGHT = 120
_COLUMNS = 4


def colour(sampler: str) -> str:
    """The colour of a sampler; one that we do not know takes a spare one by its name."""
    return COLOURS.get(sampler) or _SPARE[zlib.crc32(sampler.encode()) % len(_SPARE)]


def curves(report: Report) -> dict[str, Any]:
    """The chart as self-contained Vega-Lite: percent against tokens per step, log scale."""
    import altair as alt

    names = _panel_names(report)
    shown = [series for series in report.series if any(_speed(point.overall) for point in series.points)]
    labels = _legend_labels(shown)
    data = [row for series in shown for row in _records(report, series, labels[series.name], names)]
    scales = _encoding(data, shown, labels)
    mean = names[None]
    large = _panel([row for row in data if row["panel"] == mean], scales, 2 * _WIDTH + 60, 220)
    small = _panel([row for row in data if row["panel"] != mean], scales, _WIDTH, _HEIGHT)
    order = [names[task] for task in report.tasks]
    header = alt.Header(title=None, labelFontSize=12, labelFontWeight="bold", labelColor=_INK, labelPadding=4)
    grid = small.facet(facet=alt.Facet("panel:N", sort=order, header=header), columns=_COLUMNS, spacing=18)
    top = large.properties(title=alt.TitleParams(mean, fontSize=13, color=_INK, anchor="start"))
    chart = alt.vconcat(top, grid, spacing=26).properties(
        title=alt.TitleParams(_title(shown), subtitle=_subtitle(report), anchor="start", offset=14)
    )
    return _styled(chart).to_dict()


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


def _panel_names(report: Report) -> dict[str | None, str]:
    """Panel title by task; None stands for the mean."""
    count = len(report.averaged)
    return {None: f"Mean of {count} task{'s' * (count > 1)}", **short_names(report.tasks)}


def _legend_labels(series: Sequence[Series]) -> dict[str, str]:
    """What tells series of one sampler apart, by series name: model, settings, or nothing."""
    models = {one.model for one in series}
    return {
        one.name: ", ".join([one.model] * (len(models) > 1) + [one.settings] * bool(one.settings)) or "default"
        for one in series
    }


def _records(report: Report, series: Series, label: str, names: dict[str | None, str]) -> list[dict[str, Any]]:
    rows = []
    for rank, point in enumerate(series.points):
        for task, panel in names.items():
            stats = point.overall if task is None else point.tasks.get(task)
            if stats is None or stats.score is None or not _speed(stats) or _is_smaller_mean(report, task, point):
                continue
            low, high = stats.ci95 or (stats.score, stats.score)
            rows.append(
                {
                    "panel": panel,
                    "sampler": series.sampler_name,
                    "run": label,
                    "setting": point.settings.setting,
                    "rank": rank,
                    "speed": stats.tokens_per_step,
                    "percent": 100 * stats.score,
                    "low": 100 * low,
                    "high": 100 * high,
                    "n": stats.n,
                }
            )
    return rows


def _is_smaller_mean(report: Report, task: str | None, point: Point) -> bool:
    """A mean over fewer tasks than the panel's title says is not drawn."""
    return task is None and point.overall is not None and point.overall.tasks != len(report.averaged)


def _speed(stats: Stats | None) -> float | None:
    return stats.tokens_per_step if stats else None


def _encoding(data: list[dict[str, Any]], series: Sequence[Series], labels: dict[str, str]) -> dict[str, Any]:
    """Channels that all panels share, so that they can be compared at a glance."""
    import altair as alt

    speeds = [row["speed"] for row in data] or [1.0]
    low, high = math.floor(math.log2(min(speeds))), math.ceil(math.log2(max(speeds)))
    ticks = [2.0**power for power in range(low, max(high, low + 1) + 1)]
    samplers = list(dict.fromkeys(one.sampler_name for one in series))
    runs = list(dict.fromkeys(labels.values()))
    x_scale = alt.Scale(type="log", base=2, domain=[ticks[0], ticks[-1]], nice=False, padding=6)
    found = {
        "x": alt.X("speed:Q", scale=x_scale, axis=alt.Axis(title="tokens per step", values=ticks, format="~g")),
        "y": _percent("percent:Q"),
        "color": alt.Color(
            "sampler:N",
            scale=alt.Scale(domain=samplers, range=[colour(name) for name in samplers]),
            legend=alt.Legend(title="sampler", symbolType="circle", symbolStrokeWidth=0, symbolSize=90),
        ),
    }
    if len(runs) > 1:
        found["strokeDash"] = alt.StrokeDash("run:N", scale=alt.Scale(domain=runs), legend=alt.Legend(title="run"))
    return found


def _percent(field: str) -> Any:
    import altair as alt

    axis = alt.Axis(title="percent", values=[0, 25, 50, 75, 100])
    return alt.Y(field, scale=alt.Scale(domain=[0, 100], padding=4), axis=axis)


def _panel(data: list[dict[str, Any]], encoding: dict[str, Any], width: int, height: int) -> Any:
    """Error bars, lines and points of the rows of `data`."""
    import altair as alt

    base = alt.Chart().encode(**encoding, detail=["run:N"])
    plain = alt.Chart().encode(
        **{name: channel for name, channel in encoding.items() if name != "strokeDash"}, detail=["run:N"]
    )
    bars = plain.mark_rule(strokeWidth=1.2, opacity=0.45).encode(y=_percent("low:Q"), y2="high:Q")
    lines = base.mark_line(strokeWidth=1.8, opacity=0.9).encode(order="rank:Q")
    tips = [
        alt.Tooltip(field, title=title, format=form) if form else alt.Tooltip(field, title=title)
        for field, title, form in (
            ("sampler:N", "sampler", ""),
            ("run:N", "run", ""),
            ("setting:N", "setting", ""),
            ("speed:Q", "tokens per step", ".2f"),
            ("percent:Q", "percent", ".1f"),
            ("low:Q", "95 % from", ".1f"),
            ("high:Q", "to", ".1f"),
            ("n:Q", "samples", "d"),
        )
    ]
    dots = plain.mark_circle(size=26, opacity=1).encode(tooltip=tips)
    return alt.layer(bars, lines, dots, data=alt.Data(values=data)).properties(width=width, height=height)


def _title(series: Sequence[Series]) -> str:
    models = ", ".join(dict.fromkeys(one.model for one in series))
    return f"Quality against parallelism: {models}"


def _subtitle(report: Report) -> list[str]:
    sizes = {stats.n for point in report.points for stats in point.tasks.values()}
    samples = f"{min(sizes)}" if len(sizes) == 1 else f"{min(sizes)} to {max(sizes)}"
    return [
        "Up: more answers are right. To the right: more tokens are unmasked in one step, so fewer steps.",
        f"A dot is one setting of a sampler; bars are 95 % intervals ({samples} samples a task).",
    ]


def _styled(chart: Any) -> Any:
    return (
        chart.configure(background="transparent", font="Roboto, Helvetica, Arial, sans-serif", padding=8)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=_INK,
            titleColor=_INK,
            gridColor=_GRID,
            domainColor=_INK,
            tickColor=_INK,
            labelFontSize=11,
            titleFontSize=11,
            titleFontWeight="normal",
        )
        .configure_legend(labelColor=_INK, titleColor=_INK, labelFontSize=12, titleFontSize=12, labelLimit=260)
        .configure_title(color=_INK, subtitleColor=_INK, fontSize=16, subtitleFontSize=12, subtitlePadding=5)
    )
