"""The numbers in a page's data are those of the JSON format of the same report."""

import html.parser
import json

import pytest

from pbench.report.browser import Limits
from pbench.report.findings import Findings
from pbench.report.html import report_page
from pbench.report.payload import payload_text
from tests.report.conftest import report_of

# Names in the page's lists and in JSON; the ends of the interval stand under `ci95` there.
NAMES = {
    "score": "score",
    "speed": "tokens_per_step",
    "content_speed": "content_tokens_per_step",
    "nfe": "nfe",
    "seconds": "seconds",
}
COUNTS = ("n", "errors", "missing")
DIGITS = 5  # to which the page rounds


class Data(html.parser.HTMLParser):
    """What the page's own script would parse: the text of the element `data`."""

    def __init__(self, page: str):
        super().__init__()
        self.inside, self.text = False, ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.inside = dict(attrs).get("id") == "data"

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        self.text += data if self.inside else ""


@pytest.fixture(scope="module", params=["plain", "hostile"])
def both(request):
    """The page's data and the JSON of one report."""
    report = report_of(request.getfixturevalue(request.param))
    page = report_page(report, Findings(task_map=report.task_map), Limits())
    return json.loads(Data(page).text), json.loads(payload_text(report))


def rounded(value):
    return None if value is None else round(value, DIGITS)


def expected(stats, tasks):
    """The page's list for statistics of the JSON."""
    low, high = stats["ci95"] or (None, None)
    named = {mine: rounded(stats[theirs]) for mine, theirs in NAMES.items()}
    counts = {name: stats[name] for name in COUNTS}
    return {**named, **counts, "low": rounded(low), "high": rounded(high), "tasks": tasks}


def test_scores_intervals_and_speeds_of_every_point(both):
    page, said = both
    assert len(page["points"]) == len(said["points"]) > 0
    names = list(said["tasks"])
    for shown, point in zip(page["points"], said["points"], strict=True):
        assert len(shown["tasks"]) == len(point["tasks"]) > 0
        for place, values in shown["tasks"].items():
            found = dict(zip(page["stats"], values, strict=True))
            assert found == expected(point["tasks"][names[int(place)]], 1)
        means = [(shown["overall"], point["overall"])]
        means += zip(shown["categories"].values(), point["categories"].values(), strict=True)
        for values, mean in means:
            assert dict(zip(page["stats"], values, strict=True)) == expected(mean, mean["tasks"])
        assert shown["frontier"] == point["on_frontier"]


def test_pbx_oracle_and_task_map(both):
    page, said = both
    for shown, row in zip(page["pbx"], said["pbx"], strict=True):
        for kind, bounds in (("measured", "bounds"), ("interpolated", "interpolated_bounds")):
            assert shown[kind] == [rounded(row[kind][str(x)]) for x in page["thresholds"]]
            assert shown[bounds] == [row[f"{kind}_ci95"][str(x)] for x in page["thresholds"]]
    for shown, row in zip(page["oracle"], said["oracle"], strict=True):
        wanted = (row["score"], row["tokens_per_step"], row["adaptivity_gap"])
        assert (shown["score"], shown["speed"], shown["gap"]) == tuple(map(rounded, wanted))
    for shown, task in zip(page["map"], said["tasks"].values(), strict=True):
        for name in ("parallelizability", "order_preference"):
            assert shown[name] == rounded(task[name])
