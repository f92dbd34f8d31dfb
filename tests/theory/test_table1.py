import math

import pytest

from pbench.errors import UsageError
from pbench.metrics.intervals import wilson
from pbench.theory.cells import Cell, Checked, coverage, distinct, enumerated
from pbench.theory.table1 import PAPER_TASKS, cells_of, table1


def rows(n):
    return {row.task: row for row in table1(n)}


def test_every_column_at_ten():
    found = rows(10)
    assert tuple(found) == PAPER_TASKS
    assert [row.limit for row in found.values()] == [0, 0, pytest.approx(math.log2(math.e)), None]
    assert found["copy"].total_correlation == 0
    assert found["replace_random"].total_correlation == pytest.approx(1.368, abs=1e-3)
    assert found["shuffle"].total_correlation == pytest.approx(11.428, abs=1e-3)
    assert found["replace_random"].topk == {"1": 1, "2": 0.5, "n": 0}
    assert found["replace_random"].topk_tau1["2"] == pytest.approx(0.522, abs=1e-3)
    assert found["replace_random"].random_tau1["2"] == pytest.approx(0.812, abs=1e-3)
    assert list(found["replace_random"].threshold.values()) == [0, 0, 0, pytest.approx(1 - 2**-10), 1]
    assert set(found["shuffle"].threshold.values()) == {1}
    assert list(found["copy"].threshold) == [0.6, 0.7, 0.8, 0.9, 1.0]


def test_three_items():
    found = rows(3)
    assert found["replace_random"].topk_tau1["n"] == pytest.approx(0.444, abs=1e-3)
    assert found["shuffle"].topk["n"] == pytest.approx(0.222, abs=1e-3)


def test_one_item_has_no_k_of_two():
    assert rows(1)["shuffle"].topk == {"1": 1, "2": None, "n": 1}


def test_payload_is_the_contract():
    payload = table1(4, (0.6, 0.9))[2].payload()
    assert payload["task"] == "replace_random"
    assert set(payload["topk"]) == set(payload["topk_tau1"]) == {"1", "2", "n"}
    assert [entry["gamma"] for entry in payload["threshold"]] == [0.6, 0.9]
    assert all(0 <= entry["accuracy"] <= 1 for entry in payload["threshold"])


@pytest.mark.parametrize("n", [0, -3, 257])
def test_n_out_of_range(n):
    with pytest.raises(UsageError, match="n = 1 to 256"):
        table1(n)


def test_gamma_out_of_range():
    with pytest.raises(UsageError, match=r"--gamma 2\.5: a threshold is 0 to 2"):
        table1(5, [0.9, 2.5])


def test_the_cells_are_the_tables_accuracies():
    n = 5
    cells = cells_of(n)
    found = rows(n)
    for cell in cells:
        row = found[cell.task]
        if cell.sampler == "threshold":
            table = row.threshold if cell.temperature == 0 else row.threshold_tau1
            assert cell.closed == table[cell.options["gamma"]]
            continue
        k = {1: "1", 2: "2", n: "n"}[cell.options["k"]]
        drawn = row.topk_tau1 if cell.sampler == "confidence" else row.random_tau1
        assert cell.closed == (row.topk if cell.temperature == 0 else drawn)[k]
    assert len(distinct(cells)) == len(cells) == 2 * 16 + 2 * 22


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_enumeration_is_the_closed_form(n):
    """Every fixed k, order and temperature of the table: the joint distribution, listed."""
    compared = [(cell, value) for cell in cells_of(n) if (value := enumerated(cell)) is not None]
    assert len(compared) > 8
    for cell, value in compared:
        assert value == pytest.approx(cell.closed, abs=1e-9), cell


def test_enumeration_of_the_largest_lists():
    cell = Cell.fixed("shuffle", 8, "confidence", 3, 0)
    assert enumerated(cell) == pytest.approx(cell.closed, abs=1e-9)
    assert enumerated(Cell.fixed("shuffle", 9, "confidence", 3, 0)) is None
    assert enumerated(Cell.threshold("shuffle", 5, 0.9, 0)) is None


def test_coverage_counts_cells_whose_interval_holds_the_closed_form():
    cell = Cell.fixed("replace_random", 10, "random", 2, 0)
    inside = Checked(cell, None, wilson(505, 1000), 1000, 5.0)
    outside = Checked(cell, None, wilson(600, 1000), 1000, 5.0)
    assert coverage([inside, outside]) == (1, 2)
    assert inside.payload()["inside"] is True
    assert Checked(Cell.fixed("copy", 3, "random", 3, 0), 1.0, wilson(50, 50), 50, 1.0).inside
