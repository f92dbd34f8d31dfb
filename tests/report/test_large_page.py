"""The page of a large report in a real browser: 200 run points of five tasks, 40 curves."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from pbench.report.points import SuiteTasks
from pbench.report.write import render
from tests.report.chromium import needs_chromium
from tests.report.conftest import report_of
from tests.report.made import Run, write_scores, zeros_and_ones

pytestmark = needs_chromium
SUITE = SuiteTasks("lists", tuple(f"lists/task{i}" for i in range(5)))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """The page over files of three answers a task."""
    samplers = ("confidence", "random", "entropy", "margin")
    for setting in itertools.product("ab", samplers, (4, 8, 16, 32, "full"), (1, 2, 4, 8, 16)):
        model, sampler, block, k = setting
        run = Run(model=model, sampler=sampler, options=(("k", k),), block_length=block)
        name = "-".join(map(str, setting))
        tasks = {
            task: zeros_and_ones(3 - min(3, k * (i + 1) // 16), 3, nfe=32 // k)
            for i, task in enumerate(SUITE.tasks)
        }
        write_scores(tmp_path / "runs" / f"{name}.scores.parquet", run, tasks)
    path = tmp_path / "page.html"
    path.write_text(render(report_of(tmp_path / "runs", SUITE), "html"))
    return path


def test_it_opens_whole_and_without_an_error(browser, page: Path) -> None:
    browser.get(f"file://{page}")
    count = "return document.querySelectorAll(arguments[0]).length"
    points = "#leaderboard > div:nth-of-type(2)"
    assert browser.execute_script(count, f"{points} tbody tr") == 150
    browser.execute_script(f"document.querySelector('{points} .more button').click()")
    assert browser.execute_script(count, f"{points} tbody tr") == 200
    assert browser.execute_script(count, "main > section:not([hidden])") >= 4
    assert browser.get_log("browser") == []
