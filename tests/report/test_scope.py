"""Tasks beside the suite: shown, said to be left out of its means, and left out of them."""

import orjson
import pytest

from pbench.cli import app as root
from pbench.report.payload import payload
from pbench.report.points import SuiteTasks
from tests.report.conftest import LISTS, report_of
from tests.report.made import Run, write_scores, zeros_and_ones

COPY = SuiteTasks("copies", ("lists/copy",))
SAID = "outside suite copies, so not in its means, PBx, frontier or oracle: lists/shuffle."

if not root.app.registered_commands:
    root._register()


def test_a_task_outside_the_suite_is_shown_and_named_and_in_no_mean(plain):
    found = payload(report_of(plain, COPY))
    assert list(found["tasks"]) == ["lists/copy", "lists/shuffle"]
    for point in found["points"]:
        assert "lists/shuffle" in point["tasks"]
        assert point["overall"]["score"] == point["tasks"]["lists/copy"]["score"] == 1.0
    assert [note for note in found["notes"] if SAID in note]
    assert not any("outside suite" in note for note in payload(report_of(plain, LISTS))["notes"])


def test_many_are_counted(tmp_path):
    tasks = {f"lists/t{number:02}": zeros_and_ones(1, 2) for number in range(12)}
    write_scores(tmp_path / "a.scores.parquet", Run(), {"lists/copy": zeros_and_ones(1, 2), **tasks})
    (said,) = [note for note in payload(report_of(tmp_path, COPY))["notes"] if "outside" in note]
    assert said.endswith("lists/t08, lists/t09 and 2 more.")


def test_means_over_other_tasks_than_the_suites_say_so(plain):
    found = payload(report_of(plain, SuiteTasks("others", ("words/one",))))
    assert found["points"][0]["overall"]["tasks"] == 2
    said = "No task of suite others is here; means are over all that are (2)."
    assert said in found["notes"]


@pytest.mark.parametrize("form", ["table", "md", "latex", "json", "html"])
def test_every_form_with_means_says_it(tmp_path, capsys, form):
    tasks = ("waiting_line/copy", "list_lab/copy")
    write_scores(tmp_path / "a.scores.parquet", Run(), {task: zeros_and_ones(1, 2) for task in tasks})
    ending = {"table": "txt", "latex": "tex"}.get(form, form)
    out = tmp_path / f"report.{ending}"
    assert root._run(["report", str(tmp_path), "--suite", "waiting_line", "--out", str(out)]) == 0
    capsys.readouterr()
    text = " ".join(out.read_text().split())
    if form == "json":
        text = " ".join(orjson.loads(text)["notes"])
    text = text.replace("\\", "")
    assert "outside suite waiting_line, so not in its means, PBx, frontier or oracle: list_lab/copy" in text
