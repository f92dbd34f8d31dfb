"""The panels of the paper's figure 2 and the cells beyond it: which settings, and what must come out."""

import pytest

from pbench.theory.figure2 import figure2, general_cells


def test_the_five_panels_on_lists_of_two_and_ten():
    panels = figure2((2, 10), gammas=(0.6, 0.9))
    found = {
        panel.name: [
            (cell.n, cell.setting, cell.temperature, cell.closed)
            for cell in panel.cells
            if cell.task == "replace_random"
        ]
        for panel in panels
    }
    assert found == {
        "k1": [(2, "confidence k=1", 0, 1), (10, "confidence k=1", 0, 1)],
        "k2": [(2, "confidence k=2", 0, 0.5), (10, "confidence k=2", 0, 0.5)],
        "kn": [(2, "confidence k=2", 0, 0.5), (10, "confidence k=10", 0, 0)],
        "kn_tau1": [
            (2, "confidence k=2", 1, pytest.approx(1 / 2)),
            (10, "confidence k=10", 1, pytest.approx(0.9**9)),
        ],
        "threshold": [
            (10, "threshold gamma=0.6", 0, 0),
            (10, "threshold gamma=0.9", 0, pytest.approx(1 - 2**-10)),
        ],
    }


@pytest.mark.parametrize(("task", "exact"), [("replace_random", 3 / 4), ("shuffle", 1 / 3)])
def test_cells_beyond_the_paper_at_four_items(task, exact):
    cells = [cell for cell in general_cells((4,)) if cell.task == task]
    counts = [(cell.options["k"], cell.sampler, cell.temperature) for cell in cells if "k" in cell.options]
    assert counts == [
        (k, order, tau) for k in (2, 3, 4) for order in ("random", "confidence") for tau in (0, 1)
    ]
    gammas = [(cell.options["gamma"], cell.temperature) for cell in cells if "gamma" in cell.options]
    assert gammas == [
        (gamma, tau) for gamma in sorted([0.28, 0.45, 0.5, 0.6, 0.8, 0.9, exact]) for tau in (0, 1)
    ]
