"""The options that add analyses, as a user gives them."""

import json

import pytest

from pbench.errors import UsageError
from tests.report.made import Run, write_scores, zeros_and_ones
from tests.report.made_traces import SWAPPED, generation, sample, write_run
from tests.report.test_cli import call  # noqa: F401
from tests.report.test_published import figure


@pytest.fixture
def runs(tmp_path):
    tasks = {"lists/copy": zeros_and_ones(6, 10)}
    base = write_scores(tmp_path / "runs" / "base.scores.parquet", Run(), tasks)
    write_scores(
        tmp_path / "runs" / "dual.scores.parquet", Run(cache="dual"), {"lists/copy": zeros_and_ones(4, 10)}
    )
    return base


@pytest.mark.parametrize("baseline", ["file", "folder"])
def test_baseline(call, runs, tmp_path, baseline):  # noqa: F811
    other = runs
    if baseline == "folder":
        other = tmp_path / "base"
        other.mkdir()
        runs.rename(other / runs.name)
    result = call(runs.parent, "--baseline", other, "--json")
    (row,) = json.loads(result.stdout)["comparisons"]
    assert row["overall"]["difference"] == pytest.approx(-0.2)
    assert (row["overall"]["lost"], row["overall"]["won"]) == (2, 0)
    assert "against the baseline: cache none -> dual" in call(runs.parent, "--baseline", other).stdout


def test_baseline_without_anything_else(call, runs):  # noqa: F811
    with pytest.raises(UsageError, match="name runs to compare with it"):
        call(runs, "--baseline", runs)


def test_failures(call, tmp_path):  # noqa: F811
    rows = [generation(sample(0)), generation(sample(1), SWAPPED)]
    write_run(tmp_path / "run.parquet", Run(options=(("k", 2),)), rows)
    result = call(tmp_path, "--failures")
    assert "wrong order" in result.stdout
    (row,) = json.loads(call(tmp_path, "--failures", "--json").stdout)["failures"]["rows"]
    assert (row["n"], row["counts"]) == (2, {"order": 1})


def test_published_alone_and_beside(call, runs, tmp_path):  # noqa: F811
    figure(tmp_path / "web", "llada", "confidence-topk", [("avg", 2, 81), ("avg", 4, 61)])
    alone = json.loads(call("--published", tmp_path / "web", "--json").stdout)
    assert [(row["model"], row["measured"]["80"]) for row in alone["pbx"]] == [("llada", 2.0)]
    assert "llada · confidence-topk (published)" in call("--published", tmp_path / "web").stdout
    both = json.loads(call(runs.parent, "--published", tmp_path / "web", "--json").stdout)
    assert [row["model"] for row in both["pbx"]] == ["tiny", "tiny", "llada"]


def test_the_papers_tables(call):  # noqa: F811
    assert "Claude Haiku 3.5" in call("--published", "paper").stdout
    assert len(json.loads(call("--published", "paper", "--json").stdout)["paper"]["tables"]) == 2


@pytest.mark.parametrize(
    "words", [("--format", "html"), ("--format", "site"), ("--failures",), ("--plots", "x")]
)
def test_published_alone_has_no_answers(call, words):  # noqa: F811
    with pytest.raises(UsageError, match="name runs, too"):
        call("--published", "paper", *words)


def test_site(call, runs, tmp_path):  # noqa: F811
    result = call(runs.parent, "--format", "site", "--out", tmp_path / "web")
    assert result.stdout.strip() == str(tmp_path / "web" / "data" / "metadata.json")
    assert json.loads((tmp_path / "web" / "data" / "metadata.json").read_text())["models"] == [
        {"id": "tiny", "label": "tiny"}
    ]
    with pytest.raises(UsageError, match="give --out DIR"):
        call(runs.parent, "--format", "site")
