"""The engine and the samplers on the oracle reach what the closed forms say."""

from __future__ import annotations

import pytest

from pbench.errors import UsageError
from pbench.theory.cells import Cell, coverage
from pbench.theory.figure2 import LENGTHS, figure2, general_cells
from pbench.theory.simulate import decode_cell, simulate_cell, simulate_cells
from pbench.theory.table1 import PAPER_TASKS

SAMPLES = 1000

# From the definitions alone, not from the code: the poster's n = 3, and the recursions at small n.
KNOWN = [
    ("replace_random", 3, "random", {"k": 3}, 1, 4 / 9),
    ("shuffle", 3, "confidence", {"k": 3}, 1, 6 / 27),
    ("shuffle", 3, "random", {"k": 3}, 0, 6 / 27),
    ("shuffle_other", 3, "random", {"k": 2}, 0, 3 / 4),
    ("shuffle", 3, "random", {"k": 2}, 0, 2 / 3),
    ("shuffle", 6, "confidence", {"k": 2}, 0, 5 / 16),
    ("shuffle", 4, "threshold", {"gamma": 0.5}, 0, 1 / 2),
    ("replace_random", 10, "confidence", {"k": 2}, 0, 1 / 2),
    ("replace_random", 6, "random", {"k": 4}, 0, 1 / 2),
    ("replace_random", 6, "threshold", {"gamma": 0.8}, 0, 0.0),
    ("replace_random", 6, "threshold", {"gamma": 0.9}, 0, 1.0),
    ("insert_random", 10, "confidence", {"k": 2}, 0, 1.0),
    ("insert_random", 10, "confidence", {"k": 11}, 0, 0.0),
    ("remove_random", 10, "confidence", {"k": 9}, 0, 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("task", "n", "sampler", "options", "temperature", "expected"), KNOWN)
def test_known_accuracies(task, n, sampler, options, temperature, expected):
    done = simulate_cell(task, n, sampler, options, temperature, SAMPLES, seed=1)
    four_sigma = 4 * (expected * (1 - expected) / SAMPLES) ** 0.5
    assert done.samples == SAMPLES
    assert done.successes / SAMPLES == pytest.approx(expected, abs=four_sigma + 1e-12)


def test_passes_are_counted():
    assert simulate_cell("copy", 6, "threshold", {"gamma": 1.0}, 0, 10).nfe_mean == 1
    assert simulate_cell("shuffle", 10, "confidence", {"k": 3}, 0, 10).nfe_mean == 4
    once = simulate_cell("replace_random", 6, "threshold", {"gamma": 0.8}, 0, 10)
    assert (once.successes, once.nfe_mean) == (0, 1)


def test_the_same_seed_gives_the_same_and_cells_draw_their_own():
    cell = ("shuffle", 6, "random", {"k": 3}, 1, 300)
    assert simulate_cell(*cell, seed=3) == simulate_cell(*cell, seed=3)
    texts = {
        tuple(answer.output_text for answer in decode_cell("shuffle", 6, "random", {"k": 6}, 1, 5, seed, key))
        for seed, key in ((0, ""), (1, ""), (0, "other"))
    }
    assert len(texts) == 3


@pytest.mark.usefixtures("forked_workers")
def test_in_other_processes_it_is_the_same():
    cells = [Cell.fixed("shuffle", 4, "confidence", k, 0) for k in (1, 2)]
    here = [one.payload() for one in simulate_cells(cells, 200, 0)]
    assert here == [one.payload() for one in simulate_cells(cells, 200, 0, workers=2)]
    assert here[0]["nfe"] == 4
    assert here[1]["enumerated"] == pytest.approx(here[1]["closed"])


def test_closed_forms_lie_in_their_intervals():
    cells = [cell for panel in figure2((6,), threshold_n=6) for cell in panel.cells]
    cells = [cell for cell in cells if cell.task in ("replace_random", "shuffle")]
    inside, total = coverage(list(simulate_cells(cells, 300, 5)))
    assert total == 18
    assert inside >= total - 3


def test_the_panels_are_the_paper_s():
    panels = figure2()
    assert [panel.name for panel in panels] == ["k1", "k2", "kn", "kn_tau1", "threshold"]
    assert all(len(panel.cells) == len(PAPER_TASKS) * 5 for panel in panels)
    assert {cell.n for panel in panels[:4] for cell in panel.cells} == set(LENGTHS)
    assert {cell.temperature for cell in panels[3].cells} == {1}
    assert {cell.options["gamma"] for cell in panels[4].cells} == {0.6, 0.7, 0.8, 0.9, 1.0}
    assert not figure2((1,))[1].cells  # no k = 2 in a list of one


def test_general_cells_take_in_what_the_paper_leaves_out():
    cells = general_cells((10,))
    assert len({(c.task, c.setting, c.temperature) for c in cells}) == len(cells)
    open_forms = {(c.task, c.setting, c.temperature) for c in cells}
    assert ("replace_random", "confidence k=3", 1) in open_forms
    assert ("replace_random", "random k=4", 0) in open_forms
    assert ("shuffle", "threshold gamma=0.333333", 0) in open_forms


@pytest.mark.parametrize(
    ("task", "n", "options", "why"),
    [
        ("shuffel", 6, {"k": 1}, "known: "),
        ("shuffle_other", 1, {"k": 1}, "n >= 2"),
        ("shuffle", 6, {"k": 7}, "--k 7"),
    ],
)
def test_what_cannot_be_is_said(task, n, options, why):
    with pytest.raises(UsageError, match=why):
        simulate_cell(task, n, "confidence", options, 0, 10)
