"""Published numbers in the public leaderboard's form: read, compared, and written."""

import json

import orjson
import pytest

from pbench.errors import ArtifactError
from pbench.report.build import bare_report
from pbench.report.formats import csv_text
from pbench.report.page import as_csv, as_latex, as_markdown, as_terminal
from pbench.report.paper import paper_extras, paper_tables
from pbench.report.payload import payload, payload_text
from pbench.report.published import read_published
from pbench.report.site import site_files, write_site
from pbench.report.tables import pbx_table
from pbench.tasks import load_suite
from tests.report.conftest import LISTS, report_of
from tests.report.made import Run, write_scores, zeros_and_ones

TOPK = [("a", 1, 90), ("a", 4, 70), ("avg", 2, 78), ("avg", 1, 92), ("avg", 4, 60)]
THRESHOLD = [("a", 1, 90), ("avg", 1, 92), ("avg", 3, 72)]


def figure(folder, model, strategy, rows):
    path = folder / "data" / "figures" / model / f"{strategy}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(csv_text(("task", "tps", "accuracy"), rows))
    return path


@pytest.fixture
def site(tmp_path):
    figure(tmp_path, "llada-x", "confidence-topk", TOPK)
    figure(tmp_path, "llada-x", "confidence-threshold", THRESHOLD)
    metadata = {
        "models": [{"id": "llada-x", "name": "LLaDA X"}],
        "strategies": [{"id": "confidence-threshold", "label": "Threshold"}, "confidence-topk"],
        "tasks": ["a"],
    }
    (tmp_path / "data" / "metadata.json").write_text(json.dumps(metadata))
    return tmp_path


@pytest.mark.parametrize("where", [".", "data"])
def test_maximum_for_static_and_lines_between_for_adaptive(site, where):
    threshold, topk = read_published(site / where)
    assert (threshold.label, threshold.sampler_label, threshold.sampler) == (
        "LLaDA X",
        "Threshold",
        "confidence-threshold",
    )
    assert topk.pbx.measured == {90: 1.0, 80: 1.0, 75: 2.0, 70: 2.0, 60: 4.0}
    assert set(topk.pbx.interpolated.values()) == {None}
    assert threshold.pbx.interpolated == pytest.approx({90: 1.2, 80: 2.2, 75: 2.7, 70: 3.0, 60: 3.0})
    assert threshold.pbx.measured[80] == 1.0


def test_never_reached_is_null_with_the_reason(site):
    figure(site, "llada-x", "dus", [("avg", 2, 50)])
    dus = read_published(site)[-1]
    assert set(dus.pbx.measured.values()) == {None}
    assert dus.pbx.why == "90, 80, 75, 70, 60 never reached (best mean 50.0 at 2.00 tokens per step)"


def test_shares_and_one_file(tmp_path):
    path = figure(tmp_path, "m", "random", [("avg", 2, 0.9)])
    (own,) = read_published(path)
    assert (own.model, own.sampler, own.pbx.measured[90]) == ("m", "random", 2.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", r"columns"),
        ("task,tps,accuracy\navg,fast,1\n", r":2: tps and accuracy are no numbers"),
        ("task,tps,accuracy\navg,1,nan\n", r":2: tps 1, accuracy nan"),
        ("task,tps,accuracy\navg,0,1\n", r":2: tps 0"),
        ("task,tps,accuracy\na,1,1\n", r"no rows of task avg"),
    ],
)
def test_bad_figures_are_named(tmp_path, text, message):
    figure(tmp_path, "m", "random", []).write_text(text)
    with pytest.raises(ArtifactError, match=rf"random\.csv.*{message}"):
        read_published(tmp_path)


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(ArtifactError, match="no such file"):
        read_published(tmp_path / "x")
    with pytest.raises(ArtifactError, match="figures"):
        read_published(tmp_path)
    figure(tmp_path, "m", "random", [("avg", 1, 1)])
    (tmp_path / "data" / "metadata.json").write_text("{")
    with pytest.raises(ArtifactError, match=r"metadata\.json: not JSON"):
        read_published(tmp_path)


def test_beside_our_runs(plain, site):
    report = report_of(plain).beside(read_published(site))
    found = payload(report)
    (row,) = [row for row in found["pbx"] if row["sampler"] == "confidence-topk"]
    assert (row["model"], row["label"], row["measured"]["75"], row["published"]) == (
        "llada-x",
        "LLaDA X",
        2.0,
        True,
    )
    assert [point["overall"]["score"] for point in found["points"] if point.get("published")] == [
        0.92, 0.72, 0.92, 0.78, 0.6,
    ]  # fmt: skip
    assert pbx_table(report).rows[-1][:2] == ("LLaDA X · confidence-topk (published)", "measured")
    orjson.loads(payload_text(report))


def test_alone(site):
    suite = LISTS
    report = bare_report(suite, "default").beside(read_published(site))
    assert len(payload(report)["pbx"]) == 2
    assert "LLaDA X" in as_terminal(report, 100)
    assert "published numbers" in as_markdown(report, None)
    assert "LLaDA X" in as_latex(report)
    assert as_csv(report).count("llada-x") == 5


def test_what_we_write_is_read_again(plain, tmp_path):
    report = report_of(plain)
    metadata = write_site(report, tmp_path)
    assert metadata == tmp_path / "data" / "metadata.json"
    confidence, threshold = read_published(tmp_path)
    assert (confidence.model, confidence.sampler, threshold.sampler) == (
        "tiny",
        "confidence-topk",
        "confidence-threshold",
    )
    ours = {row.series.sampler: row for row in report.pbx}
    assert confidence.pbx.measured == pytest.approx(ours["confidence"].measured)
    assert threshold.pbx.interpolated == pytest.approx(ours["threshold"].interpolated)
    board = json.loads((tmp_path / "data" / "leaderboard" / "tiny.json").read_text())
    assert board["thresholds"] == [90, 80, 75, 70, 60]
    assert board["results"]["confidence-topk"]["80"] == 4.0


def test_incomplete_points_have_no_mean_and_never_is_zero(tmp_path):
    write_scores(tmp_path / "a.parquet", Run(), {"lists/copy": zeros_and_ones(1, 2)})
    files = site_files(report_of(tmp_path))
    assert files["data/figures/tiny/confidence-topk.csv"] == "task,tps,accuracy\nlists/copy,4.0,50.0\n"
    assert json.loads(files["data/leaderboard/tiny.json"])["results"]["confidence-topk"]["90"] == 0.0


def test_hostile_names_are_harmless_file_names(hostile, tmp_path):
    write_site(report_of(hostile), tmp_path)
    for path in tmp_path.rglob("*"):
        assert path.name.replace("-", "").replace(".", "").isalnum()


def test_the_papers_tables():
    found = paper_tables()
    tasks = {task.name for task in load_suite("benchmark").tasks}
    for table in found["tables"]:
        assert {column["task"] for column in table["columns"]} <= tasks
        assert {len(row["values"]) for row in table["rows"]} == {len(table["columns"])}
        assert [row["model"] for row in table["rows"]] == [row["model"] for row in found["tables"][0]["rows"]]
    lists, texts = ({row["model"]: row["values"] for row in table["rows"]} for table in found["tables"])
    assert lists["Dream 7B"][:4] == [100, 0, 91, 87]
    assert lists["Llama 3.1 8B"][1] == 64
    assert texts["Dream 7B"][-2:] == [93.5, 34.7]
    bare = bare_report(LISTS, "default")
    assert paper_extras(bare).tables[0].rows[0][0] == "LLaDA"


def test_what_the_site_form_adds_to_an_id_does_not_make_a_sampler_adaptive(tmp_path):
    for strategy in ("confidence-topk-cache-dual", "l2r", "dus-skip", "confidence-new"):
        figure(tmp_path, "m", strategy, [("avg", 1, 90), ("avg", 3, 70)])
    found = {own.sampler: own.pbx.interpolated[80] for own in read_published(tmp_path)}
    assert found == {
        "confidence-topk-cache-dual": None,
        "l2r": None,
        "dus-skip": pytest.approx(2.0),
        "confidence-new": pytest.approx(2.0),
    }
