"""Order of unmasking over real generations, and heat maps by hand."""

from dataclasses import replace

import numpy as np
import pytest

from pbench.report.decoding_order import heat_map, heats_of, order_of
from pbench.report.order_tables import order_extras
from pbench.report.payload import payload
from pbench.report.points import SuiteTasks
from pbench.report.tables import all_tables
from tests.report.conftest import report_of
from tests.report.made import Run
from tests.report.made_traces import EOS, RIGHT, generation, remasked, sample, write_run

SUITE = SuiteTasks("lists", ("lists/copy",))


@pytest.fixture
def report(tmp_path):
    """k = 1: one by one from the left, once with remasking; k = 6: all in one step."""
    rows = [generation(sample(0), k=1), remasked(sample(1))]
    write_run(tmp_path / "k1.parquet", Run(options=(("k", 1),)), rows)
    write_run(tmp_path / "k6.parquet", Run(options=(("k", 6),)), [generation(sample(0), k=6)])
    return report_of(tmp_path, SUITE)


def test_means_over_samples_that_have_the_number(report):
    (slow, fast), _, notes = order_of(report)
    assert notes == []
    assert slow.n == 2
    assert slow.means["spearman"] == pytest.approx((1 + np.corrcoef([2, 5, 2, 2, 4], range(5))[0, 1]) / 2)
    assert slow.known == dict.fromkeys(slow.known, 2)
    assert slow.means["local_arness"] <= 1.0
    assert fast.means["kendall"] is None
    assert fast.known["kendall"] == 0
    assert fast.means["local_arness"] == 1.0  # the commits of one step count from left to right


def test_each_task_and_length_apart_and_decoded_answers_alone(tmp_path):
    copied = generation(sample(0), k=1)
    rows = [
        generation(sample(2), (*RIGHT, EOS, EOS, EOS), k=3),
        copied,
        replace(generation(sample(1), k=3), status="error", error_kind="nan_logits", error="NaN"),
        replace(generation(sample(3)), trace=None, commit_step=None),
        generation(sample(0, "lists/shuffle"), k=6),
    ]
    write_run(tmp_path / "run.parquet", Run(), rows)
    report = report_of(tmp_path)
    (copy, shuffle), heats, _ = order_of(report)
    assert (copy.n, copy.means["kendall_padded"] < 1, shuffle.n) == (2, True, 1)
    assert (shuffle.means["kendall"], shuffle.known["kendall"]) == (None, 0)
    found = [(heat.gen_length, heat.steps, heat.counts.tolist()) for heat in heats]
    assert found[1] == (9, 3, [[1] * 3 + [0] * 6, [0] * 3 + [1] * 3 + [0] * 3, [0] * 6 + [1] * 3])
    assert found[0] == (6, 6, [[2, 1, 1, 1, 1, 1], *np.eye(6, dtype=int)[1:].tolist()])
    assert [(heat.gen_length, heat.steps, heat.counts.tolist()) for heat in heats_of(report)] == found


def test_of_several_files_of_a_point_those_that_are_there_count(tmp_path):
    for name in ("a", "b", "c"):
        write_run(tmp_path / f"{name}.parquet", Run(), [generation(sample(0, f"lists/{name}"))])
    (tmp_path / "a.parquet").unlink()
    report = report_of(tmp_path, SUITE)
    rows, (heat,), notes = order_of(report)
    assert ([row.task for row in rows], len(notes)) == (["lists/b", "lists/c"], 1)
    assert heat.counts.sum() == heats_of(report)[0].counts.sum() == 2 * 6


def test_heat_by_hand():
    heat = heat_map("p", 4, [(1, 2, 3, 0), (1, 1, 3, 3)])
    assert heat.steps == 3
    assert heat.counts.tolist() == [[2, 1, 0, 0], [0, 1, 0, 0], [0, 0, 2, 1]]


def test_heat_of_long_answers_is_put_into_parts():
    heat = heat_map("p", 256, [tuple(range(1, 257))])
    assert heat.counts.shape == (64, 64)
    assert (heat.counts == 4 * np.eye(64, dtype=int)).all()


def test_heat_without_commits():
    assert heat_map("p", 3, [(0, 0, 0)]).counts.tolist() == [[0, 0, 0]]


def test_table_and_json(report):
    asked = report.with_(order_extras(report))
    table = all_tables(asked)[-1]
    assert table.columns == ("measure", "k=1", "k=6")
    assert table.rows[0][2] == "–"
    assert table.rows[1][1] == f"{(1 + np.corrcoef([2, 5, 2, 2, 4], range(5))[0, 1]) / 2:.2f}"
    found = payload(asked)["order"]
    assert [(row["point"], row["n"]) for row in found["rows"]] == [(0, 2), (1, 1)]
    assert [heat["steps"] for heat in found["heat"]] == [6, 1]
    assert found["heat"][1]["counts"] == [[1] * 6]


def test_generations_that_are_gone_are_named(report, tmp_path):
    (tmp_path / "k6.parquet").unlink()
    rows, _, notes = order_of(report)
    assert len(rows) == 1
    assert "k6.scores.parquet" in notes[0]
    assert len(order_extras(report).tables) == 1
    (tmp_path / "k1.parquet").unlink()
    assert order_extras(report).tables == ()
