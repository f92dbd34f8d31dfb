"""How all pictures look: text and lines are a mid-tone that can be read on white and on dark pages alike,
and the ground is transparent.
"""

from __future__ import annotations

from typing import Any

__all__ = ["INK", "styled"]

INK = "#6e7a86"


def styled(chart: Any) -> Any:
    """The Altair `chart` as all pictures look."""
    return (
        chart.configure(background="transparent", font="Roboto, Helvetica, Arial, sans-serif", padding=8)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK,
            titleColor=INK,
            gridColor=INK,
            gridOpacity=0.22,
            domainColor=INK,
            tickColor=INK,
            labelFontSize=11,
            titleFontSize=11,
            titleFontWeight="normal",
        )
        .configure_legend(labelColor=INK, titleColor=INK, labelFontSize=12, titleFontSize=12, labelLimit=260)
        .configure_title(color=INK, subtitleColor=INK, fontSize=16, subtitleFontSize=12, subtitlePadding=5)
    )
