"""The page as a file: self-contained, small, and nothing in it that a model wrote is markup."""

import base64
import hashlib
import json
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from pbench.report.browser import Limits
from pbench.report.findings import Findings
from pbench.report.html import SCRIPTS, json_in_html, report_page, trace_page
from pbench.report.page_runs import run_of_file
from pbench.report.points import SuiteTasks
from tests.report.conftest import report_of
from tests.report.made import Answer, Run, write_scores
from tests.report.made_traces import EOS, HOSTILE, generation, sample, write_run


class Elements(HTMLParser):
    """Tags with their attributes, and the content of scripts and styles."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.tags, self.inside = [], {"script": [], "style": [], "title": []}
        self.open = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open = tag if tag in self.inside else None

    def handle_data(self, data):
        if self.open:
            self.inside[self.open].append(data)

    def handle_endtag(self, tag):
        self.open = None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("html")
    rows = [generation(sample(i, prompt=HOSTILE[i]), (3, 20 + i, 4, 20, 5, EOS)) for i in range(len(HOSTILE))]
    write_run(folder / "run.parquet", Run(model=HOSTILE[0], labels=(("a", HOSTILE[1]),)), rows)
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return report_page(report_of(folder, SuiteTasks("lists", ("lists/copy",))), Findings(), Limits())


def test_json_in_html_is_json_without_markup():
    value = {"a": "</script><!-- & \u2028", "b": [1, None]}
    text = json_in_html(value)
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


def test_nothing_is_loaded_from_anywhere(page):
    assert "http:" not in page
    assert "https:" not in page
    for tag, attributes in Elements(page).tags:
        assert tag not in ("img", "iframe", "object", "embed", "base")
        assert attributes.get("src") is None
        assert attributes.get("href", "#").startswith(("#", "data:,"))
    assert "@import" not in page
    assert "url(" not in page


def test_the_policy_allows_the_pages_own_script_and_style_only(page):
    found = Elements(page)
    (policy,) = [a["content"] for _, a in found.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for kind, text in (("style", found.inside["style"][0]), ("script", found.inside["script"][-1])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_hostile_text_is_data_only(page):
    found = Elements(page)
    assert [attributes for tag, attributes in found.tags if tag == "script"] == [
        {"type": "application/json", "id": "data"},
        {},
    ]
    assert "<img" not in page
    assert HOSTILE[0] not in page
    assert HOSTILE[0] in found.inside["title"][0]
    data = json.loads(found.inside["script"][0])
    assert HOSTILE[1] in data["browser"]["texts"]
    assert data["browser"]["tokens"][0]["texts"]["20"] == HOSTILE[0]
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]


def test_every_template_is_in_the_page(page):
    names = {path.name for path in files("pbench.report").joinpath("templates").iterdir()}
    assert names == {"page.html", "style.css", *(f"{name}.js" for name in SCRIPTS)}
    assert "{{" not in page.replace("\\u0026", "").replace("{{ 7*7 }}", "")


def test_no_script_makes_markup_of_text():
    templates = files("pbench.report").joinpath("templates")
    for name in SCRIPTS:
        source = templates.joinpath(f"{name}.js").read_text()
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser"):
            assert word not in source, name


def test_a_thousand_samples_of_many_runs_stay_small_without_traces(tmp_path):
    tasks = {f"lists/task{i}": [Answer(float(j % 2)) for j in range(100)] for i in range(10)}
    for k in range(1, 13):
        write_scores(tmp_path / f"{k}.scores.parquet", Run(options=(("k", k),)), tasks)
    page = report_page(report_of(tmp_path, SuiteTasks("s", tuple(tasks))), Findings(), Limits(traces=0))
    assert len(page.encode()) < 3_000_000
    data = json.loads(Elements(page).inside["script"][0])
    assert len(data["browser"]["samples"]) == 1_000
    assert data["browser"]["trace_count"] == 0


def test_the_viewer_alone(folder):
    run = run_of_file(folder / "run.parquet", None)
    data = json.loads(Elements(trace_page([run, run], Limits())).inside["script"][0])
    assert set(data) == {"title", "browser"}
    assert len(data["browser"]["traces"]) == 2
    assert data["browser"]["trace_count"] == 3
