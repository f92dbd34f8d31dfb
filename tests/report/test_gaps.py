"""The dependency gap in a report: recomputed from the files by other means, and in each form."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from pbench.artifacts import read_rows
from pbench.cli import app as root
from pbench.records import Generation
from pbench.report.browser import Limits
from pbench.report.failures import findings_of
from pbench.report.gap_tables import gap_extras
from pbench.report.gaps import AnswerGap, gap_row, gaps_of
from pbench.report.html import report_page
from pbench.report.points import SuiteTasks
from pbench.report.replay import replay_json, replay_text
from pbench.traces import gap_of_steps
from tests.report.conftest import report_of
from tests.report.made import Run
from tests.report.made_traces import RIGHT, SWAPPED, TOKENS, generation, remasked, sample, write_run

if not root.app.registered_commands:
    root._register()

TASKS = ("lists/copy", "lists/shuffle")
SUITE = SuiteTasks("lists", TASKS)


def measured(row: Generation, bits: float | None) -> Generation:
    """`bits` for the last commit, 0.25 for each other one, none for what was taken back."""
    last = max(i for i, event in enumerate(row.trace) if event.event == "commit")
    gap = [0.25 if event.event == "commit" else None for event in row.trace]
    gap[last] = bits
    return replace(row, gap=tuple(gap), nfe_gap=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """k=2 and k=3, ten answers a task, wrong ones at -8 bits, one of k=3 unknown; k=6 was not measured."""
    folder = tmp_path_factory.mktemp("gaps")
    for k, wrong in ((2, 2), (3, 5), (6, 9)):
        rows = []
        for task in TASKS:
            for i in range(10):
                bad = task == "lists/shuffle" and i < wrong
                row = generation(sample(i, task), SWAPPED if bad else RIGHT, k=k)
                rows.append(row if k == 6 else measured(row, -8.0 if bad else 0.5))
        if k == 3:
            rows[0] = measured(rows[0], None)
        if k == 2:
            rows[1] = measured(remasked(rows[1].sample), 0.5)
        write_run(folder / f"k{k}.parquet", Run(options=(("k", k),)), rows)
        _declare(folder / f"k{k}.parquet", 0 if k == 6 else 20)
    return folder


def _declare(path: Path, gaps: int) -> None:
    """Write into the manifest how many answers were measured, as decode does, and score again."""
    from pbench.artifacts import read_manifest, write_artifact
    from pbench.score import score_run

    manifest = read_manifest(path) | {"gaps": gaps}
    write_artifact(path, "generations", list(read_rows(path, "generations")), manifest)
    score_run(path, force=True)


@pytest.fixture(scope="module")
def report(folder):
    return report_of(folder, SUITE)


def test_rows_are_those_of_a_few_lines_over_the_files(report, folder):
    rows, notes = gaps_of(report)
    assert notes == []
    assert len(rows) == 4  # two settings, two tasks
    places = {point.settings.id: point.settings.setting for point in report.points}
    for row in rows:
        path = folder / f"{places[row.point].replace('=', '')}.parquet"
        answers = [one for one in read_rows(path, "generations") if one.sample.task == row.task]
        totals = [
            None
            if any(b is None and e.event == "commit" for b, e in zip(one.gap, one.trace, strict=True))
            else sum(b for b in one.gap if b is not None)
            for one in answers
        ]
        known = [total for total in totals if total is not None]
        assert row.n == len(known)
        assert row.unknown == len(totals) - len(known)
        assert row.bits == pytest.approx(sum(known) / len(known))
        assert row.ci95[0] <= row.bits <= row.ci95[1]
        assert row.passes == 3
        wrong = [t for t in known if t < 0]
        assert row.n_wrong == len(wrong)
        assert row.wrong == (pytest.approx(sum(wrong) / len(wrong)) if wrong else None)
        assert row.n_right == len(known) - len(wrong)
        counted = [one for one, total in zip(answers, totals, strict=True) if total is not None]
        commits = sum(sum(event.event == "commit" for event in one.trace) for one in counted)
        assert sum(size * n for size, (n, _) in row.sizes.items()) == commits


def test_of_several_files_of_a_point_measured_answers_that_are_there_count(tmp_path):
    for name, gaps in (("a", 0), ("b", 1), ("c", 1)):
        task = f"lists/{name}"
        rows = [generation(sample(i, task)) for i in range(3)]
        rows[2] = replace(rows[2], status="error", error_kind="nan_logits", error="NaN")
        rows = [measured(row, 0.5) if gaps and row.sample.index != 1 else row for row in rows]
        write_run(tmp_path / f"{name}.parquet", Run(), rows)
        _declare(tmp_path / f"{name}.parquet", gaps)
    (tmp_path / "b.parquet").unlink()
    (row,), notes = gaps_of(report_of(tmp_path, SUITE))
    assert (row.task, row.n, row.unknown, row.bits) == ("lists/c", 1, 0, 5 * 0.25 + 0.5)
    assert len(notes) == 1


def test_a_row_by_hand():
    answers = [
        AnswerGap(-6.0, ((2, -6.0), (2, 0.0)), 2, 0.0),
        AnswerGap(1.0, ((2, 1.0),), 1, 1.0),
        AnswerGap(None, ((1, 0.0),), 1, 1.0),
        AnswerGap(2.0, ((3, 2.0),), 2, 0.5),
    ]
    row = gap_row("p", "t", answers)
    assert (row.n, row.unknown, row.bits, row.right, row.wrong) == (3, 1, -1.0, 1.0, -6.0)
    assert (row.n_right, row.n_wrong, row.passes) == (1, 1, 1.5)
    assert row.sizes == {2: (3, pytest.approx(-5 / 3)), 3: (1, 2.0)}
    only = gap_row("p", "t", [AnswerGap(None, (), 0, None)])
    assert (only.n, only.bits, only.ci95, only.right, only.wrong) == (0, None, None, None, None)


def test_steps_without_a_commit_are_left_out_and_unknown_ones_stay_unknown():
    row = measured(remasked(sample(0)), None)
    steps = gap_of_steps(row.trace, row.gap)
    assert steps == {1: 1.0, 2: 0.25, 3: 0.25, 4: None}


def test_the_tables_and_json(report):
    extras = gap_extras(report)
    (table,) = extras.tables
    cells = {row[0]: row[1:] for row in table.rows}
    assert table.columns == ("task", "k=2", "k=3")  # k=6 was not measured
    assert cells["copy"][1] == "+1.8"
    assert cells["wrong answers"] == ("-6.8 (n = 2)", "-6.8 (n = 5)")
    assert any("unknown for 1 answers" in note for note in extras.notes)
    rows = orjson.loads(orjson.dumps(extras.data["gap"]))
    assert {row["point"] for row in rows} == {0, 1}
    assert [step["tokens"] for step in rows[0]["steps"]] == [1, 2, 4]
    assert rows[0]["steps"][1]["n"] == 9 * 3
    assert "not in NFE" in extras.remarks[0]


def test_runs_that_were_not_measured_say_what_to_do(plain, capsys):
    assert root._run(["report", str(plain), "--suite", "waiting_line", "--gap", "--json"]) == 0
    said = capsys.readouterr()
    assert orjson.loads(said.out)["gap"] == []
    assert "--measure-gap" in said.err


def test_generations_that_are_gone_are_named(folder, tmp_path):
    for path in folder.glob("*k2.scores.parquet"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    rows, notes = gaps_of(report_of(tmp_path, SUITE))
    assert rows == []
    assert len(notes) == 1
    assert "k2" in notes[0]


def test_the_page_has_what_was_measured(report):
    findings = findings_of(report)
    assert len(findings.gaps) == 4
    page = report_page(report, findings, Limits())
    data = orjson.loads(page.split('id="data">')[1].split("</script>")[0])
    assert len(data["gaps"]) == 4
    traces = [trace for run in data["browser"]["traces"] for trace in run.values()]
    assert {"gap" in trace for trace in traces} == {True, False}


def test_the_terminal_replay_says_the_bits_of_each_step():
    row = measured(generation(sample(0), SWAPPED, k=3), -8.0)
    text = replay_text(row, TOKENS, range(3), coloured=False).plain
    assert "step 1/2  +3, 3 of 6 set, gap +0.75 bits" in text
    assert "step 2/2  +3, 6 of 6 set, gap -7.50 bits" in text
    assert "dependency gap: -6.75 bits" in text
    found = replay_json(row, TOKENS, "run")
    assert [step.get("gap_bits") for step in found["steps"]] == [None, 0.75, -7.5]
    assert (found["gap_bits"], found["nfe_gap"]) == (-6.75, 3)
    unknown = replay_text(measured(row, None), TOKENS, range(3), coloured=False).plain
    assert "gap unknown" in unknown
    assert "gap" not in replay_text(generation(sample(0)), TOKENS, range(3), coloured=False).plain
    assert math.isclose(sum(b for b in row.gap if b is not None), -6.75)
