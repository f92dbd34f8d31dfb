"""The five panels as Vega-Lite: simulation with its 95 % interval, closed form as a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pbench.report.chart_style import styled
from pbench.theory.accuracy import threshold_accuracy

if TYPE_CHECKING:
    from pbench.theory.cells import Cell, Checked
    from pbench.theory.figure2 import Panel

__all__ = ["COLOURS", "panels_chart"]

COLOURS = {
    "copy": "#57606a",
    "replace_index": "#2da44e",
    "replace_random": "#e8590c",
    "shuffle": "#2f81f7",
}
_SPARE = ("#b36b8b", "#0c8599", "#846358", "#66a80f", "#9c36b5")
_SIZE = {"width": 210, "height": 150}
_FINE = 100  # steps over gamma
_LARGEST, _SMALLEST = 90, 10  # areas of dots


def panels_chart(panels: Sequence[Panel], checked: Sequence[Checked], samples: int) -> dict[str, Any]:
    """Chart of all cells of `panels` that are among `checked`: colour = task, percent upwards."""
    import altair as alt

    found = {_key(one.cell): one for one in checked}
    tasks = list(dict.fromkeys(cell.task for panel in panels for cell in panel.cells))
    drawn = [_panel(panel, _rows(panel, found, tasks), tasks) for panel in panels]
    head = alt.TitleParams(
        "An ideal model, unmasking in parallel",
        subtitle=[
            "Lines: closed forms. Dots with bars: the real engine and samplers on the exact oracle,"
            f" 95 % intervals ({samples:,} samples a cell).",
        ],
        anchor="start",
        offset=14,
    )
    return styled(alt.concat(*drawn, columns=3, spacing=24).properties(title=head))


def _key(cell: Cell) -> tuple[str, int, str, int]:
    return (cell.task, cell.n, cell.setting, cell.temperature)


def _rows(panel: Panel, found: dict[Any, Checked], tasks: list[str]) -> list[dict[str, Any]]:
    """A row a cell, in percent; tasks that lie on each other stay visible, the first has large dots."""
    step = (_LARGEST - _SMALLEST) / max(len(tasks) - 1, 1)
    return [
        {
            "task": cell.task,
            "x": cell.n if panel.axis == "n" else cell.options[panel.axis],
            "closed": 100 * cell.closed,
            "simulated": 100 * found[_key(cell)].simulated.mean,
            "low": 100 * found[_key(cell)].simulated.low,
            "high": 100 * found[_key(cell)].simulated.high,
            "area": _LARGEST - step * tasks.index(cell.task),
        }
        for cell in panel.cells
        if _key(cell) in found
    ]


def _curves(panel: Panel, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The closed forms: at the simulated n, and over gamma finely enough to show where they jump."""
    if panel.axis == "n" or not rows:
        return rows
    low, high = min(row["x"] for row in rows), max(row["x"] for row in rows)
    gammas = [low + (high - low) * step / _FINE for step in range(_FINE + 1)]
    first = {cell.task: cell for cell in panel.cells}
    return [
        {"task": task, "x": gamma, "closed": 100 * threshold_accuracy(task, cell.n, gamma, cell.temperature)}
        for task, cell in first.items()
        for gamma in gammas
    ]


def _panel(panel: Panel, rows: list[dict[str, Any]], tasks: list[str]) -> Any:
    import altair as alt

    spare = iter(_SPARE * len(tasks))
    colours = alt.Scale(domain=tasks, range=[COLOURS.get(task) or next(spare) for task in tasks])
    places = sorted({row["x"] for row in rows})
    name = "n" if panel.axis == "n" else "γ"
    x = alt.X(
        "x:Q",
        axis=alt.Axis(values=places, title=name, format="d" if name == "n" else "~g"),
        scale=alt.Scale(zero=False, padding=8),
    )
    axis = alt.Axis(title="right, %", values=[0, 25, 50, 75, 100])
    scale = alt.Scale(domain=[0, 100], padding=4)

    def y(field: str) -> Any:
        return alt.Y(f"{field}:Q", axis=axis, scale=scale)

    base = alt.Chart().encode(x=x, color=alt.Color("task:N", scale=colours, legend=alt.Legend(title="task")))
    curves = alt.Data(values=_curves(panel, rows))
    lines = base.mark_line(strokeWidth=1.3).encode(y=y("closed")).properties(data=curves)
    bars = base.mark_rule(strokeWidth=2).encode(y=y("low"), y2="high:Q")
    dots = base.mark_circle(opacity=1).encode(
        y=y("simulated"), size=alt.Size("area:Q", scale=None, legend=None), tooltip=_tooltips(name)
    )
    title = alt.TitleParams(panel.title, fontSize=12, anchor="start")
    return alt.layer(lines, bars, dots, data=alt.Data(values=rows)).properties(title=title, **_SIZE)


def _tooltips(name: str) -> list[Any]:
    import altair as alt

    return [
        alt.Tooltip("task:N"),
        alt.Tooltip("x:Q", title=name),
        *(alt.Tooltip(f"{field}:Q", format=".2f") for field in ("closed", "simulated", "low", "high")),
    ]
