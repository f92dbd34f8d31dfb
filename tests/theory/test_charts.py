import xml.etree.ElementTree as ET

import pytest

from pbench.metrics.intervals import wilson
from pbench.report.charts import svg
from pbench.theory.cells import Checked
from pbench.theory.charts import COLOURS, panels_chart
from pbench.theory.figure2 import figure2


@pytest.fixture(scope="module")
def chart():
    panels = figure2((6, 8))
    checked = [
        Checked(cell, None, wilson(round(100 * cell.closed), 100), 100, 1.0)
        for panel in panels
        for cell in panel.cells
    ]
    return panels_chart(panels, checked, 100)


def test_five_panels_with_simulation_and_closed_form(chart):
    assert len(chart["concat"]) == 5
    dots = chart["concat"][1]["data"]["values"]
    (point,) = [row for row in dots if row["task"] == "replace_random" and row["x"] == 6]
    assert (point["closed"], point["simulated"]) == (50, 50)
    assert point["low"] < 50 < point["high"]


def test_the_line_over_gamma_shows_the_switch(chart):
    lines = chart["concat"][4]["layer"][0]["data"]["values"]
    switch = [row["closed"] for row in lines if row["task"] == "replace_random"]
    assert len(switch) > 50
    assert switch[0] == 0
    assert switch[-1] == 100
    assert sum(0 < value < 100 for value in switch) <= 1  # only exactly at (n - 1) / n


def test_it_is_a_picture(chart):
    words = " ".join(ET.fromstring(svg(chart)).itertext())
    for word in ("one token a step", "right, %", "shuffle", "γ", "100 samples a cell"):
        assert word in words
    assert len(set(COLOURS.values())) == 4


def test_cells_that_were_not_simulated_have_no_dots():
    panels = figure2((6,))
    chart = panels_chart(panels, [], 1)
    assert all(not panel["data"]["values"] for panel in chart["concat"])
