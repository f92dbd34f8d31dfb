"""How all pictures look: text and lines are a mid-tone that can be read on white and on dark pages alike,
and the ground is transparent.
"""

from __future__ import annotations

from typing import Any

__all__ = ["INK", "styled"]

INK = "#6e7a86"


def styled(chart: Any) -> dict[str, Any]:
    """The Altair `chart` as all pictures look, in its JSON form.

    One call, for each copies the chart; and unchecked, for a check takes as long as all the rest.
    """
    import altair as alt

    ink = {"labelColor": INK, "titleColor": INK}
    axis = alt.AxisConfig(
        **ink,
        gridColor=INK,
        gridOpacity=0.22,
        domainColor=INK,
        tickColor=INK,
        labelFontSize=11,
        titleFontSize=11,
        titleFontWeight="normal",
    )
    drawn = chart.configure(
        background="transparent",
        font="Roboto, Helvetica, Arial, sans-serif",
        padding=8,
        view=alt.ViewConfig(stroke=None),
        axis=axis,
        legend=alt.LegendConfig(**ink, labelFontSize=12, titleFontSize=12, labelLimit=260),
        title=alt.TitleConfig(
            color=INK, subtitleColor=INK, fontSize=16, subtitleFontSize=12, subtitlePadding=5
        ),
    )
    found: dict[str, Any] = drawn.to_dict(validate=False)
    return found
