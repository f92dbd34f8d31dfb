from pbench.metrics.intervals import wilson
from pbench.theory.cells import Cell, Checked
from pbench.theory.examples import EXAMPLES
from pbench.theory.sheets import (
    bits,
    check_sheet,
    example_sheets,
    percent,
    sizes_text,
    survey_sheets,
    table1_sheets,
)
from pbench.theory.survey import survey
from pbench.theory.table1 import table1
from pbench.theory.tasks import get_task


def test_percent_never_rounds_to_all_or_nothing():
    assert [percent(value) for value in (0.0, 1.0, None, 0.5)] == ["0", "100", "–", "50.0"]
    assert percent(1 - 2**-10) == "99.9"
    assert percent(0.99966) == "99.97"
    assert percent(1 - 1e-9) == "> 99.99"
    assert percent(0.00036) == "0.036"


def test_bits():
    assert [bits(value) for value in (0.0, 1.0, 1.3680, None)] == ["0", "1", "1.368", "–"]


def test_sizes():
    assert sizes_text((4, 3, 2, 1)) == "4+3+2+1"
    assert sizes_text((2,) * 40 + (1,)) == "40 x 2 + 1"


def test_table1_has_all_columns_for_all_tasks():
    greedy, drawn = table1_sheets(10, table1(10))
    for sheet in (greedy, drawn):
        assert [row[0] for row in sheet.rows] == ["copy", "replace_index", "replace_random", "shuffle"]
        assert all(len(row) == len(sheet.columns) for row in sheet.rows)
    assert greedy.rows[2][1:6] == ("1.368", "1.4427", "100", "50.0", "0")
    assert greedy.rows[3][2] == "–"


def test_a_cell_outside_shouts():
    cell = Cell.fixed("replace_random", 10, "random", 2, 0)
    sheet = check_sheet([Checked(cell, None, wilson(900, 1000), 1000, 5.0)])
    assert sheet.rows[0][-1] == "NO"
    assert len(sheet.rows[0]) == len(sheet.columns)


def test_partitions_are_written_out_where_positions_differ():
    _, best = survey_sheets(survey(get_task("latin_square_n3"), 3, []))
    assert best.rows[-1][2].count("|") == 2
    alike = survey_sheets(survey(get_task("shuffle"), 4, [(2, 2)]))
    assert alike[0].rows[0][0] == "2+2"


def test_the_city():
    sheets = example_sheets(EXAMPLES["city"])
    assert ("New City", "25", "no such answer") in sheets[1].rows
    assert sheets[2].rows == (("1 step", "1"), ("2 steps", "0"))
