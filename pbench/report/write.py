"""Reports as files: one text in a format, or a folder with a page, pictures and data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson

from pbench.artifacts import atomic_text
from pbench.artifacts.files import atomic_file
from pbench.report import charts, page
from pbench.report.browser import Limits
from pbench.report.build import Report
from pbench.report.failures import findings_of
from pbench.report.html import report_page
from pbench.report.payload import payload_text

__all__ = ["FILE_NAMES", "WIDE", "render", "write_folder", "write_plots"]

FILE_NAMES = {
    "table": "report.txt",
    "md": "report.md",
    "csv": "points.csv",
    "latex": "report.tex",
    "json": "report.json",
    "html": "index.html",
}
WIDE = 1_000  # columns of a page that never breaks a table


def render(report: Report, form: str, width: int = WIDE, limits: Limits = Limits()) -> str:
    """The report as text in one of the forms of FILE_NAMES; `width` is for `table`, `limits` for `html`."""
    forms: dict[str, Callable[[], str]] = {
        "table": lambda: page.as_terminal(report, width),
        "md": lambda: page.as_markdown(report, None),
        "csv": lambda: page.as_csv(report),
        "latex": lambda: page.as_latex(report),
        "json": lambda: payload_text(report),
        "html": lambda: report_page(report, findings_of(report), limits),
    }
    return forms[form]()


def write_folder(report: Report, folder: Path) -> Path:
    """Write report.md with curves.svg, curves.png, points.csv and report.json; the path of report.md.

    Each file appears whole or not at all, the page after what it shows.
    """
    pictures = write_plots(report, folder)
    atomic_text(folder / FILE_NAMES["csv"], page.as_csv(report))
    atomic_text(folder / FILE_NAMES["json"], payload_text(report))
    target = folder / FILE_NAMES["md"]
    atomic_text(target, page.as_markdown(report, pictures[0].name if pictures else None))
    return target


def write_plots(report: Report, folder: Path) -> list[Path]:
    """Write the curves as SVG, PNG and Vega-Lite; nothing if no run point has a speed."""
    chart = charts.curves(report)
    if chart is None:
        return []
    paths = [folder / f"curves.{ending}" for ending in ("svg", "png", "vl.json")]
    atomic_text(paths[0], charts.svg(chart))
    with atomic_file(paths[1]) as file:
        file.write(charts.png(chart))
    atomic_text(paths[2], orjson.dumps(chart, option=orjson.OPT_INDENT_2).decode())
    return paths
