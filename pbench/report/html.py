"""The HTML page: one file with its data, styles and scripts inside; opens from disk, loads nothing.

Nothing that a model wrote becomes markup: data are JSON in which `<`, `>` and `&` are escaped, the
scripts put them on the page as text, and the page's own policy allows no other script or address.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from pbench.report.browser import Limits, Run, browser_data, visible
from pbench.report.build import Report
from pbench.report.findings import Findings
from pbench.report.page_data import page_data
from pbench.report.page_runs import browser_of

__all__ = ["SCRIPTS", "render_page", "report_page", "trace_page"]

SCRIPTS = (
    "dom", "scales", "tooltip", "tables", "leaderboard", "curves", "multiples", "taskmap", "failures",
    "order", "gaps", "extras", "replay", "strip", "viewer", "browser", "main",
)  # fmt: skip
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def report_page(report: Report, findings: Findings, limits: Limits) -> str:
    """The page of a report: tables and curves, and as many answers and traces as `limits` allow."""
    return render_page({**page_data(report, findings), "browser": browser_of(report, findings, limits)})


def trace_page(runs: Sequence[Run], limits: Limits) -> str:
    """The browser and the trace viewer alone, over `runs` that need no report."""
    browser = browser_data(runs, limits) | {"points_left_out": 0}
    names = " and ".join(dict.fromkeys(visible(run.name) for run in runs))
    return render_page({"title": f"Unmasking: {names}", "browser": browser})


def render_page(data: Mapping[str, Any]) -> str:
    """The page over `data`: see page_data and browser_data; parts that are not in it are left out."""
    import jinja2
    from markupsafe import Markup

    style = _source("style.css")
    script = '"use strict";\n' + "\n".join(_source(f"{name}.js") for name in SCRIPTS)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(_source("page.html"))
    return template.render(
        title=data["title"],
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=Markup(json_in_html(data)),
    )


def json_in_html(data: Mapping[str, Any]) -> str:
    """JSON that may stand inside a script element: no `<`, `>`, `&` or line separator is left bare."""
    text = orjson.dumps(data).decode()
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


@cache
def _source(name: str) -> str:
    return files("pbench.report").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The source of a content security policy that allows just `text`."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
