"""Shared data: a small plain sweep, and a hostile one whose every name tries to break a format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from pbench.report.build import Report, build_report, load_comparable
from pbench.report.comparison_tables import comparison_extras
from pbench.report.failure_tables import failure_extras
from pbench.report.metric_values import metric_extras
from pbench.report.order_tables import order_extras
from pbench.report.paper import paper_extras
from pbench.report.points import SuiteTasks
from pbench.report.published import read_published
from tests.report.made import Answer, Run, write_scores, zeros_and_ones
from tests.report.made_traces import generation, remasked, sample, write_run

LISTS = SuiteTasks("lists", ("lists/copy", "lists/shuffle"))
NASTY = "a|b_c%d&e#f{g}~h^i\\j$k*l`m<script>alert(1)</script>\x1b[31m\x07\u202e\r\n| x |\U0001f600é"
FORMULA = '=cmd()|"/C calc"!A0'


def report_of(folder: Path, suite: SuiteTasks = LISTS) -> Report:
    """The report over all score files in `folder`."""
    files, notes = load_comparable([folder])
    return build_report(files, suite, "default", notes)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Confidence at k = 1, 4, 32 and threshold at three gammas: copy holds, shuffle falls."""
    folder = tmp_path_factory.mktemp("plain")
    for k, right in ((1, 20), (4, 12), (32, 0)):
        run = Run(options=(("k", k), ("steps", None)))
        tasks = {
            "copy": zeros_and_ones(20, 20, nfe=32 // k),
            "shuffle": zeros_and_ones(right, 20, nfe=32 // k),
        }
        write_scores(folder / f"k{k}.scores.parquet", run, {f"lists/{t}": a for t, a in tasks.items()})
    for gamma, right, nfe in ((0.9, 19, 8), (0.7, 15, 6), (0.5, 5, 4)):
        run = Run(sampler="threshold", options=(("gamma", gamma),))
        tasks = {"copy": zeros_and_ones(20, 20, nfe=nfe), "shuffle": zeros_and_ones(right, 20, nfe=nfe)}
        write_scores(folder / f"g{gamma}.scores.parquet", run, {f"lists/{t}": a for t, a in tasks.items()})
    return folder


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run whose model, label and task names hold what formats interpret."""
    folder = tmp_path_factory.mktemp("hostile")
    run = Run(model=NASTY, sampler=FORMULA, options=(("k", 1),), labels=(("+label", NASTY),))
    tasks = {f"{NASTY}/one": [Answer(1.0), Answer(0.0)], f"{FORMULA}/two": [Answer(0.5)]}
    write_scores(folder / "run.scores.parquet", run, tasks)
    return folder


@pytest.fixture(scope="session")
def laden(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A hostile report with all that can be asked for: baseline, failures, order, published, paper."""
    folder = tmp_path_factory.mktemp("laden")
    tasks = [f"{NASTY}/one", f"{FORMULA}/two"]
    runs = {
        "base": Run(model=NASTY, sampler=FORMULA, options=(("k", 1),)),
        "run": Run(model=NASTY, sampler=FORMULA, options=(("k", 1),), labels=(("+label", NASTY),)),
    }
    for name, run in runs.items():
        rows = [generation(sample(0, task, prompt=NASTY)) for task in tasks]
        rows += [remasked(sample(1, task, prompt=FORMULA)) for task in tasks]
        write_run(folder / f"{name}.parquet", run, rows)
    figure = folder / "web" / "figures" / "a-model" / "a-sampler.csv"
    figure.parent.mkdir(parents=True)
    figure.write_text("task,tps,accuracy\navg,2,81\n")
    labels = {"models": [{"id": "a-model", "label": NASTY}], "strategies": {"a-sampler": FORMULA}}
    (folder / "web" / "metadata.json").write_bytes(orjson.dumps(labels))
    report = report_of(folder).beside(read_published(folder / "web"))
    extras = comparison_extras(report, {str(folder / "base.scores.parquet")}) + failure_extras(report)
    extras += metric_extras(report, report.tasks)
    return report.with_(extras + order_extras(report) + paper_extras(report))


@pytest.fixture(params=["hostile", "laden"])
def any_hostile(request: pytest.FixtureRequest) -> Report:
    """The one and the other."""
    found = request.getfixturevalue(request.param)
    return found if isinstance(found, Report) else report_of(found)


@pytest.fixture(scope="package")
def _chromium() -> Iterator[Any]:
    """One browser for all tests of this package that this process runs: each costs a second or two."""
    from tests.report.chromium import chromium

    with chromium() as driver:
        yield driver


@pytest.fixture
def browser(_chromium: Any) -> Any:
    """The browser as if it had just been started."""
    from tests.report.chromium import as_new

    as_new(_chromium)
    return _chromium
