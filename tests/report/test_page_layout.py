"""What the page does with uneven data and narrow screens, in a real browser."""

from __future__ import annotations

import pytest

from pbench.report.browser import Limits
from pbench.report.findings import FailureKind, FailureRow, Findings, TaskPlace
from pbench.report.html import report_page
from pbench.report.points import SuiteTasks
from tests.report.chromium import needs_chromium, sized
from tests.report.conftest import report_of
from tests.report.made import Run, write_scores, zeros_and_ones
from tests.report.test_in_chromium import one, texts

pytest.importorskip("selenium.webdriver", reason="needs selenium, of the extra `dev`")
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with four tasks at one place of the map, one near them, and a sampler that lacks three."""
    folder = tmp_path_factory.mktemp("uneven")
    names = ("a", "b", "c", "d", "e", "near")
    for sampler, count in (("confidence", 6), ("random", 3)):
        tasks = {f"lists/{name}": zeros_and_ones(5, 10) for name in names[:count]}
        run = Run(sampler=sampler, labels=(("prompt", "a rather long label"),))
        write_scores(folder / f"{sampler}.scores.parquet", run, tasks)
    report = report_of(folder, SuiteTasks("lists", tuple(f"lists/{name}" for name in names)))
    places = [TaskPlace(f"lists/{name}", 3.75, 0.0) for name in "abcd"]
    kinds = (FailureKind("order", "wrong order", "The right items in another order."),)
    rows = [FailureRow(p.settings.id, task, 10, {"order": 5}) for p in report.points for task in p.tasks]
    apart = TaskPlace("lists/near", 3.5, 0.01), TaskPlace("lists/e", 1.0, -0.05)
    findings = Findings((*places, *apart), kinds, tuple(rows))
    (folder / "page.html").write_text(report_page(report, findings, Limits()))
    return f"file://{folder / 'page.html'}"


def test_tasks_at_one_place_of_the_map_are_all_named_and_no_name_hides_a_mark(browser, page):
    browser.get(page)
    assert sorted(texts(browser, "#map .label")) == ["a", "b", "c", "d", "e", "near"]
    assert "order preference, percentage points ↑" in texts(browser, "#map .title")
    chart = one(browser, "#map .chart")
    chart.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    said = one(browser, "#tooltip").text
    assert said == "a, b, c, d\nparallelizability 3.75, order preference 0.0 points"
    hidden = """
        const box = (e) => e.getBoundingClientRect();
        const boxes = (kind) => [...document.querySelectorAll("#map ." + kind)].map(box);
        const over = (a, b) => a.top < b.bottom - 3 && b.top < a.bottom - 3;
        const meet = (a, b) => a.left < b.right && b.left < a.right && over(a, b);
        const [names, dots] = [boxes("label"), boxes("place")];
        const others = (i) => [...dots, ...names.slice(i + 1)];
        return names.filter((name, i) => others(i).some((other) => meet(name, other))).length;
    """
    assert browser.execute_script(hidden) == 0
    assert browser.get_log("browser") == []


def test_what_is_over_fewer_tasks_says_so(browser, page):
    browser.get(page)
    assert texts(browser, "#failures .bar-name em") == ["3 of 6 tasks"]
    (note,) = texts(browser, "#curves .absent")
    assert note.startswith("No point in “Mean of 6 tasks”: tiny · random")
    Select(one(browser, "#curves-scope")).select_by_visible_text("a")
    assert texts(browser, "#curves .absent") == []


def test_a_narrow_screen_shows_numbers_beside_the_names(browser, page):
    with sized(browser, 400, 900):
        browser.get(page)
        right = "return document.querySelector(arguments[0]).getBoundingClientRect().right"
        assert browser.execute_script(right, "#leaderboard > div:nth-of-type(2) td.number .mean") < 400
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 400
