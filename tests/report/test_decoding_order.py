"""Order of unmasking over real generations, and heat maps by hand."""

import numpy as np
import pytest

from pbench.report.decoding_order import heat_map, order_of
from pbench.report.order_tables import order_extras
from pbench.report.payload import payload
from pbench.report.points import SuiteTasks
from pbench.report.tables import all_tables
from tests.report.conftest import report_of
from tests.report.made import Run
from tests.report.made_traces import generation, remasked, sample, write_run

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
    found = payload(asked)["order"]
    assert [(row["point"], row["n"]) for row in found["rows"]] == [(0, 2), (1, 1)]
    assert [heat["steps"] for heat in found["heat"]] == [6, 1]
    assert found["heat"][1]["counts"] == [[1] * 6]


def test_generations_that_are_gone_are_named(report, tmp_path):
    (tmp_path / "k6.parquet").unlink()
    rows, _, notes = order_of(report)
    assert len(rows) == 1
    assert "k6.scores.parquet" in notes[0]
