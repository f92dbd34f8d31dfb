"""The page in a real browser: drawn without errors, sorted, replayed by slider and keys, and inert."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pbench.report.browser import Limits
from pbench.report.decoding_order import heat_map
from pbench.report.findings import FailureKind, FailureRow, Findings, TaskPlace
from pbench.report.gaps import GapRow
from pbench.report.html import report_page, trace_page
from pbench.report.order_tables import order_extras
from pbench.report.page_runs import run_of_file
from pbench.report.points import SuiteTasks
from pbench.report.published import read_published
from pbench.traces import decoding_order
from tests.report.chromium import needs_chromium, pointed_at, scripted, sized, until
from tests.report.conftest import report_of
from tests.report.made import Run, write_scores, zeros_and_ones
from tests.report.made_traces import EOS, HOSTILE, RIGHT, SWAPPED, generation, remasked, sample, write_run

pytest.importorskip("selenium.webdriver", reason="needs selenium, of the extra `dev`")
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

pytestmark = needs_chromium
SUITE = SuiteTasks("lists", ("lists/copy", "lists/shuffle"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three settings of one sampler, one of them with remasks, and a run whose every text is hostile."""
    folder = tmp_path_factory.mktemp("pages")
    for k, wrong in ((1, 0), (2, 3), (6, 9)):
        rows = []
        for task in SUITE.tasks:
            ids = [SWAPPED if task == "lists/shuffle" and i < wrong else RIGHT for i in range(10)]
            rows += [generation(sample(i, task), ids[i], k=k) for i in range(10)]
        if k == 2:
            rows[0] = remasked(sample(0, SUITE.tasks[0]))
        write_run(folder / "good" / f"k{k}.parquet", Run(options=(("k", k),)), rows)
    texts = [generation(sample(i, prompt=text), (3, 20 + i, 4, 20, 5, EOS)) for i, text in enumerate(HOSTILE)]
    hostile = Run(model=HOSTILE[0], sampler=HOSTILE[1], labels=(("a", HOSTILE[2]),))
    write_run(folder / "hostile" / "run.parquet", hostile, texts)
    return folder


@pytest.fixture(scope="module")
def pages(folder: Path) -> Path:
    """good.html with made findings, many.html, hostile.html, and trace.html of two runs."""
    figure = folder / "web" / "figures" / "m" / "confidence-topk.csv"
    figure.parent.mkdir(parents=True)
    figure.write_text("task,tps,accuracy\nshuffle,2,30\navg,1,95\navg,8,40\n")
    report = report_of(folder / "good", SUITE).beside(read_published(folder / "web"))
    report = report.with_(order_extras(report))
    kinds = (FailureKind("order", "wrong order", "The right items in another order."),)
    findings = Findings(
        tuple(TaskPlace(task, 2.0 + i, 0.01 * i) for i, task in enumerate(report.tasks)),
        kinds,
        tuple(FailureRow(point.settings.id, "lists/shuffle", 10, {"order": 3}) for point in report.points),
        {(report.points[1].settings.id, "lists/shuffle/1"): "order"},
        heats=tuple(heat_map(point.settings.id, 6, [[1, 2, 3, 1, 2, 3]]) for point in report.points),
        gaps=tuple(_gap(point.settings.id, -4.0 * i) for i, point in enumerate(report.points)),
    )
    (folder / "good.html").write_text(report_page(report, findings, Limits()))
    ranked = Findings(tuple(TaskPlace(t, 2.0 + i, None, "no blocks") for i, t in enumerate(report.tasks)))
    (folder / "ranked.html").write_text(report_page(report, ranked, Limits()))
    for model in ("a", "b"):
        for size in range(2, 11):
            run = Run(model=model, block_length=size)
            tasks = {"lists/copy": zeros_and_ones(size, 10)}
            write_scores(folder / "many" / f"{model}{size}.scores.parquet", run, tasks)
    many = report_of(folder / "many", SuiteTasks("lists", ("lists/copy",)))
    (folder / "many.html").write_text(report_page(many, Findings(), Limits()))
    bad = report_of(folder / "hostile", SuiteTasks(HOSTILE[0], ("lists/copy",)))
    (folder / "hostile.html").write_text(report_page(bad, Findings(), Limits()))
    runs = [run_of_file(folder / "good" / f"k{k}.parquet", frozenset(["lists/copy/0"])) for k in (2, 1)]
    (folder / "trace.html").write_text(trace_page(runs, Limits()))
    return folder


def _gap(point: str, bits: float) -> GapRow:
    return GapRow(point, "lists/shuffle", 10, bits, (bits - 1, bits + 1), 0.5, bits, 7, 3, 2.0, 0)


@pytest.fixture
def view(browser: webdriver.Chrome, pages: Path) -> Iterator[webdriver.Chrome]:
    """The report, freshly opened; afterwards the console must be empty."""
    browser.get(f"file://{pages / 'good.html'}")
    yield browser
    assert browser.get_log("browser") == []


def one(view: webdriver.Chrome, selector: str):
    return view.find_element(By.CSS_SELECTOR, selector)


def texts(view: webdriver.Chrome, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
    return view.execute_script(script, selector)


def pane(view: webdriver.Chrome, number: int = 1) -> list[str]:
    """What the tokens of a pane read, masked ones as an empty text."""
    return texts(view, f".pane:nth-child({number}) .strip .token")


def test_every_part_is_drawn(view):
    heads = texts(view, "main > section:not([hidden]) > h2")
    assert heads == [
        "Leaderboard",
        "Quality against parallelism",
        "Every task",
        "Task map",
        "How answers fail",
        "Order of unmasking",
        "Dependency gap",
        "Comparisons and more",
        "Samples",
        "Unmasking, step by step",
    ]
    assert view.execute_script("return [...document.querySelectorAll('#nav a')].map((a) => a.title)") == heads
    assert texts(view, "#nav a")[1:4] == ["Curves", "Tasks", "Task map"]
    assert (
        view.execute_script(
            "const nav = document.getElementById('nav'); return nav.scrollWidth - nav.clientWidth"
        )
        <= 0
    )
    assert len(view.find_elements(By.CSS_SELECTOR, "#tasks .chart")) == 2
    assert "3 of 10" in one(view, "#failures .stack i").get_attribute("title")
    assert "shuffle" in texts(view, "#map .label")
    assert len(view.find_elements(By.CSS_SELECTOR, "#curves .dot:not(.published)")) == 3
    assert len(view.find_elements(By.CSS_SELECTOR, "#order .heat")) == 3
    assert "local AR-ness" in texts(view, "#more tbody th")
    assert texts(view, "#gap tbody tr:first-child td") == ["0.0", "−4.0", "−8.0"]
    assert texts(view, "#gap .sum:last-child td") == ["0.0 n=3", "−4.0 n=3", "−8.0 n=3"]


def test_charts_stand_before_the_first_frame(browser, pages):
    # Who reads or prints the page as soon as it is loaded must not find holes where charts will be.
    with scripted(browser, "window.ResizeObserver = class { observe() {} }"):
        browser.get(f"file://{pages / 'good.html'}")
        charts = {part: len(texts(browser, f"#{part} .chart")) for part in ("curves", "tasks", "map")}
    assert charts == {"curves": 1, "tasks": 2, "map": 1}


def test_the_first_frames_draw_no_chart_again(browser, pages):
    counting = """const put = Element.prototype.replaceChildren;
        window.draws = 0;
        Element.prototype.replaceChildren = function (...all) {
          if (this.matches(".holder")) window.draws += 1;
          return put.apply(this, all);
        };"""
    with scripted(browser, counting):
        browser.get(f"file://{pages / 'good.html'}")
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert browser.execute_script("return window.draws") == 4


def test_published_curves_lie_over_ours_and_can_be_left_out(view):
    assert len(view.find_elements(By.CSS_SELECTOR, "#curves .dot.published")) == 2
    assert len(view.find_elements(By.CSS_SELECTOR, "#tasks .dot.published")) == 1
    assert texts(view, "#curves .toggle")[-1] == "published: m · confidence-topk"
    assert "published: m · confidence-topk" in texts(view, "#leaderboard tbody th")
    said = pointed_at(view, one(view, "#curves .dot.published:last-child"))
    assert "40 %" in said
    assert "no interval was published" in said
    Select(one(view, "#curves-published")).select_by_visible_text("none")
    assert not view.find_elements(By.CSS_SELECTOR, "#curves .dot.published, #tasks .dot.published")


def test_the_map_ranks_tasks_where_only_one_number_is_known(browser, pages):
    browser.get(f"file://{pages / 'ranked.html'}")
    assert texts(browser, "#map .label") == ["copy", "shuffle"]
    assert "Unknown for copy, shuffle: no blocks." in texts(browser, "#map .note")
    one(browser, "#map .chart").send_keys(Keys.ARROW_RIGHT)
    assert "parallelizability 2.00" in one(browser, "#tooltip").text
    assert browser.get_log("browser") == []


def test_a_map_without_a_number_is_left_out(browser, pages):
    browser.get(f"file://{pages / 'many.html'}")
    assert "Task map" not in texts(browser, "#nav a")


def column(view: webdriver.Chrome, place: int) -> list[float]:
    found = texts(view, f"#leaderboard > div:nth-of-type(2) tbody tr > :nth-child({place})")
    return [float(text) for text in found]


def test_the_leaderboard_sorts_both_ways(view):
    head = one(view, "#leaderboard > div:nth-of-type(2) th:nth-child(4)")
    assert column(view, 4) == [1.0, 1.98, 6.0]
    head.find_element(By.TAG_NAME, "button").click()
    assert column(view, 4) == [6.0, 1.98, 1.0]
    assert head.get_attribute("aria-sort") == "descending"
    head.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    assert column(view, 4) == [1.0, 1.98, 6.0]
    assert head.get_attribute("aria-sort") == "ascending"


def test_curves_tell_their_points_by_keyboard_and_can_be_hidden(view):
    chart = one(view, "#curves .chart")
    chart.send_keys(Keys.ARROW_RIGHT)
    chart.send_keys(Keys.ARROW_RIGHT)
    said = one(view, "#tooltip").text
    assert "tiny · confidence · k=2" in said
    assert "85 % (95 % interval" in said
    assert "1.98 tokens per step, 3.0 steps" in said
    chart.send_keys(Keys.ESCAPE)
    assert not one(view, "#tooltip").is_displayed()
    toggle = one(view, "#curves .toggle")
    toggle.click()
    assert toggle.get_attribute("aria-pressed") == "false"
    assert not view.find_elements(By.CSS_SELECTOR, "#curves .dot:not(.published)")


def test_hovering_a_curve_shows_the_point(view):
    assert "k=1" in pointed_at(view, one(view, "#curves .dot"))


def test_of_many_curves_one_model_is_shown_at_first(browser, pages):
    browser.get(f"file://{pages / 'many.html'}")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#curves .dot")) == 9
    assert len(browser.find_elements(By.CSS_SELECTOR, "#tasks .dot")) == 9
    Select(one(browser, "#curves-model")).select_by_visible_text("all models")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#curves .dot")) == 18
    assert len(browser.find_elements(By.CSS_SELECTOR, "#tasks .dot")) == 18
    assert len(texts(browser, "#curves .toggle")) == 18
    assert browser.get_log("browser") == []


def test_a_task_can_be_shown_large(view):
    one(view, "#tasks figure:nth-child(2) button").click()
    assert Select(one(view, "#curves-scope")).first_selected_option.text == "shuffle"
    assert one(view, "#curves .chart").get_attribute("aria-label").startswith("shuffle: percent")


def test_the_viewer_opens_where_parallelism_costs_an_answer(view):
    assert one(view, "#trace h3").text == "lists/shuffle/0"
    assert texts(view, ".pane .verdict") == ["right", "wrong"]
    assert pane(view, 1) == ['["', "Ada", '", "', "Bob", '"]', "eos"]
    assert pane(view, 2) == ['["', "Bob", '", "', "Ada", '"]', "eos"]


def test_the_slider_replays_the_unmasking(view):
    slider = one(view, "#step")
    slider.send_keys(Keys.HOME)
    assert pane(view) == [""] * 6
    slider.send_keys(Keys.ARROW_RIGHT)
    slider.send_keys(Keys.ARROW_RIGHT)
    assert pane(view, 1) == ['["', "Ada", "", "", "", ""]
    assert pane(view, 2) == ['["', "Bob", '", "', "Ada", "", ""]
    assert one(view, "#step-now").text == "step 2 of 6"
    assert texts(view, ".pane:nth-child(1) .token.fresh") == ["Ada"]
    assert texts(view, ".pane:nth-child(1) .commits li") == ["1Ada0.8900"]
    assert "2 of 6 positions set" in texts(view, ".said")[0]


def test_arrow_keys_work_without_the_slider(view):
    body = one(view, "body")
    for key in (Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_RIGHT):
        body.send_keys(key)
    assert one(view, "#step-now").text == "step 5 of 6"
    assert pane(view)[-1] == ""


def test_early_and_late_tokens_have_other_colours(view):
    colours = view.execute_script(
        "return [...document.querySelectorAll('.pane:nth-child(1) .strip .token')]"
        ".map((e) => getComputedStyle(e).backgroundColor)"
    )
    assert len(set(colours)) == 6


def test_playing_ends_with_the_answer(browser, pages):
    hurry = "const own = setInterval; window.setInterval = (step, pause) => own(step, pause / 20);"
    with scripted(browser, hurry):
        browser.get(f"file://{pages / 'good.html'}")
    one(browser, "#step").send_keys(Keys.HOME)
    assert pane(browser)[-1] == ""
    one(browser, "#play").click()
    until(browser, lambda: pane(browser)[-1] == "eos")
    assert one(browser, "#play").text == "Play"
    assert browser.get_log("browser") == []


def test_filters_and_the_list(view):
    assert one(view, ".tally").text == "20 samples of 20"
    Select(one(view, "#filter-task")).select_by_visible_text("shuffle")
    assert one(view, ".tally").text == "10 samples of 20"
    Select(one(view, "#filter-outcome")).select_by_visible_text("first right, second not")
    assert texts(view, ".list tbody th") == ["shuffle/0", "shuffle/1", "shuffle/2"]
    first = one(view, ".list tbody button")
    first.click()
    first.send_keys(Keys.ARROW_DOWN)
    assert one(view, "#trace h3").text == "lists/shuffle/1"
    assert one(view, "tr[aria-selected='true'] th").text == "shuffle/1"
    Select(one(view, "#run-second")).select_by_visible_text("none")
    assert len(view.find_elements(By.CSS_SELECTOR, ".pane")) == 1


def test_search(view):
    one(view, "input[type='search']").send_keys("number 7")
    assert one(view, ".tally").text == "2 samples of 20"


def test_remasked_tokens_are_marked(browser, pages):
    browser.get(f"file://{pages / 'trace.html'}")
    assert texts(browser, "main > section:not([hidden]) > h2") == ["Samples", "Unmasking, step by step"]
    slider = one(browser, "#step")
    slider.send_keys(Keys.HOME)
    states = []
    for _ in range(4):
        slider.send_keys(Keys.ARROW_RIGHT)
        token = browser.find_elements(By.CSS_SELECTOR, ".pane:nth-child(1) .token")[1]
        states.append((token.text, set(token.get_attribute("class").split()) & {"taken", "again"}))
    assert states == [("Cy", set()), ("", {"taken", "again"}), ("", {"again"}), ("Ada", {"again"})]
    slider.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert "1 taken back" in texts(browser, ".said")[0]
    assert any("taken back" in text for text in texts(browser, ".commits li"))
    assert browser.get_log("browser") == []


def test_hostile_text_is_inert(browser, pages):
    browser.get(f"file://{pages / 'hostile.html'}")
    assert browser.execute_script("return window.hacked ?? null") is None
    for number in range(3):
        browser.find_elements(By.CSS_SELECTOR, ".list tbody button")[number].click()
        one(browser, "#step").send_keys(Keys.HOME, Keys.ARROW_RIGHT, Keys.END)
        assert HOSTILE[0] in texts(browser, ".strip .token")
    assert HOSTILE[0] in one(browser, "h1").text
    assert not browser.find_elements(By.CSS_SELECTOR, "img, iframe, main script")
    assert browser.execute_script("return window.hacked ?? null") is None
    assert "\u202e" not in one(browser, "body").text
    assert browser.get_log("browser") == []


def test_the_policy_stops_what_is_not_the_pages_own(browser, pages):
    browser.get(f"file://{pages / 'good.html'}")
    browser.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.hacked = 3';"
        "document.body.append(s);"
        "document.body.insertAdjacentHTML('beforeend', '<b onclick=\"window.hacked = 4\" id=\"bad\">x</b>');"
        "document.getElementById('bad').click();"
    )
    assert browser.execute_script("return window.hacked ?? null") is None
    until(
        browser, lambda: any("Content Security" in entry["message"] for entry in browser.get_log("browser"))
    )


def ground(view: webdriver.Chrome) -> int:
    """Brightness of the page's ground, 0..765."""
    script = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    return sum(view.execute_script(script))


def test_dark_and_light(view):
    try:
        media = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        view.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        assert ground(view) < 120
        toggle = one(view, "#theme")
        toggle.click()
        assert (toggle.text, ground(view) > 700) == ("Theme: light", True)
        toggle.click()
        assert (toggle.text, ground(view) < 120) == ("Theme: dark", True)
    finally:
        view.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_narrow_page_does_not_scroll_sideways(view):
    with sized(view, 390, 800):
        assert view.execute_script("return document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("steps", [[1, 2, 3], [3, 2, 1], [1, 1, 2, 2], [2, 0, 1, 3, 3], [4, 4], [0, 1], []])
def test_the_pages_decoding_order_is_the_reports(browser, pages, steps):
    browser.get(f"file://{pages / 'trace.html'}")
    found = browser.execute_script("return kendall(arguments[0])", steps)
    expected = decoding_order(steps).kendall
    assert found == (expected if expected is None else pytest.approx(expected))
