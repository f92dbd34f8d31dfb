"""Escaping of every format, on names that try to break it."""

import csv
import io
import re
from collections import Counter

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pbench.report import formats, page
from pbench.report.formats import Table
from pbench.report.write import render
from tests.report.conftest import FORMULA, LISTS, NASTY, report_of

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("form", ["table", "md", "csv", "latex"])
def test_no_format_lets_control_characters_through(any_hostile, form):
    text = render(any_hostile, form)
    assert not CONTROL.search(text)
    assert "\\x1b" in text or r"\textbackslash{}x1b" in text  # shown, not dropped


def test_clean_shows_what_cannot_be_printed():
    assert formats.clean("a\x1b[31mb\u202ec\r\nd\te\U0001f600") == "a\\x1b[31mb\\u202ec d e\U0001f600"


def test_markdown_cells_stay_cells(any_hostile):
    text = page.as_markdown(any_hostile, None)
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("| ")]
    assert tables
    for lines in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


def test_markdown_is_inert():
    escaped = formats.markdown_escape(NASTY)
    for mark in "|<>`*&#$~":
        assert not re.search(rf"(?<!\\)(?:\\\\)*{re.escape(mark)}", escaped)
    assert formats.markdown_escape("a_b _c_ [x](y)") == r"a_b \_c\_ \[x\](y)"


def test_latex_of_each_special_character():
    expected = r"\% \_ \& \# \{ \} \$ \textbackslash{} \textasciitilde{} \textasciicircum{} \textbar{} {[}"
    assert formats.latex_escape(r"% _ & # { } $ \ ~ ^ | [") == expected
    assert formats.latex_escape("é–\U0001f600") == r"é--\texttt{U+1F600}"


@given(st.text(max_size=30))
def test_latex_has_balanced_braces_and_no_bare_specials(text):
    escaped = formats.latex_escape(text)
    bare = re.sub(r"\\[{}$&#%_]", "", escaped)
    assert bare.count("{") == bare.count("}")
    assert not re.search(r"[$&#%_~^\n]", bare)


def test_latex_rows_have_as_many_cells_as_columns(any_hostile):
    for block in page.as_latex(any_hostile).split(r"\begin{table}")[1:]:
        columns = len(re.search(r"begin\{tabular\}\{(l r*)".replace(" ", ""), block).group(1))
        rows = [line for line in block.splitlines() if line.endswith(r"\\")]
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {columns}


def test_csv_formulas_are_text(hostile):
    rows = list(csv.DictReader(io.StringIO(page.as_csv(report_of(hostile)))))
    assert len(rows) == 2
    assert {row["sampler"] for row in rows} == {f"'{FORMULA}"}
    assert {row["settings"][0] for row in rows} == {"'"}  # begins with +label
    assert {row["task"] for row in rows} == {f"'{FORMULA}/two", f"{formats.clean(NASTY)}/one"}


def test_all_that_can_be_asked_for_stands_in_every_format(laden):
    for form in ("table", "md", "latex", "json"):
        text = render(laden, form)
        for words in ("against the baseline", "how answers fail", "order of unmasking", "Claude Haiku"):
            assert words in text or form == "json"
    rows = list(csv.DictReader(io.StringIO(page.as_csv(laden))))
    assert [row["model"] for row in rows if row["settings"] == "published"] == ["a-model"]
    found = orjson.loads(render(laden, "json"))
    assert {"comparisons", "failures", "order", "paper"} <= found.keys()
    assert found["pbx"][-1]["label"] == NASTY
    assert "<script>alert" not in render(laden, "html")


@given(st.lists(st.text(max_size=12), min_size=1, max_size=4))
def test_csv_reads_back(cells):
    (row,) = list(csv.reader(io.StringIO(formats.csv_text([], [cells]).partition("\n")[2])))
    expected = [formats.clean(cell) for cell in cells]
    assert [cell.removeprefix("'") for cell in row] == [cell.removeprefix("'") for cell in expected]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_csv_numbers_stay_numbers():
    assert formats.csv_text(["a", "b", "c"], [[-0.5, None, True]]) == "a,b,c\n-0.5,,True\n"


def test_terminal_keeps_markup_as_text():
    text = formats.terminal(Table("[red]t[/red]", ("[b]", "x"), (("[/]:smile:", "1"),)), 60)
    assert "[red]t[/red]" in text
    assert "[/]:smile:" in text


@pytest.mark.parametrize("width", [60, 80, 120, 1000])
def test_terminal_fits_and_loses_nothing(plain, width):
    text = page.as_terminal(report_of(plain), width)
    tables = text.partition("PBx:")[0].splitlines()
    assert max(map(len, tables)) <= width
    for setting in ("k=1", "k=32", "gamma=0.9", "gamma=0.5"):
        assert setting in text
    assert text.count("(84–100)") >= 6  # copy at each of six settings


WORDS = st.text("ab|é日😀_%\x1b\u202e ", max_size=6)


@given(
    st.integers(1, 4).flatmap(lambda n: st.lists(st.tuples(*[WORDS] * n), min_size=2, max_size=5)),
    st.integers(0, 40),
)
def test_every_word_is_shown_whole_in_lines_that_fit(lines, width):
    table = Table("T", lines[0], tuple(lines[1:]))
    text = formats.terminal(table, width)
    words = [word for line in lines for cell in line for word in formats.clean(cell).split()]
    shown = Counter(text.split())
    assert not Counter(words) - shown
    longest = max((cell_len(word) for word in words), default=0)
    assert max(map(cell_len, text.split("\n")[1:])) <= max(width, 2 * longest + 3, len("T (goes on)"))


def test_the_widest_column_is_broken_and_no_more_than_must_be():
    rows = (("a b", "9 (8–9)", "100 (98–100)"), ("all", "–", "–"))
    table = Table("T", ("task", "k=1", "k=2"), rows, frozenset({1}))
    whole = ["task       k=1            k=2", "─" * 29, "a b    9 (8–9)   100 (98–100)", ""]
    assert formats.terminal(table, 29).splitlines()[2:6] == whole
    broken = [
        "task       k=1        k=2",
        "─" * 25,
        "a b    9 (8–9)        100",
        "                 (98–100)",
        "",
        "all          –          –",
    ]
    assert formats.terminal(table, 28).splitlines()[2:] == broken


def test_a_long_first_column_is_broken_last():
    table = Table("T", ("run", "x"), (("a model · a sampler", "1 (0–2)"),))
    assert formats.terminal(table, 27).splitlines()[4:] == ["a model · a sampler       1", " " * 22 + "(0–2)"]
    assert formats.terminal(table, 20).splitlines()[4:] == ["a model · a       1", "sampler       (0–2)"]


def test_wide_tables_go_on_below():
    table = Table(
        "T", ("task", *(f"column{i}" for i in range(20))), (("copy", *("12345678" for _ in range(20))),)
    )
    text = formats.terminal(table, 60)
    assert text.count("(goes on)") >= 2
    assert text.count("12345678") == 20
    assert text.count("copy") == text.count("(goes on)") + 1


def test_all_formats_of_plain_data_name_all_tasks(plain):
    report = report_of(plain, LISTS)
    for form in ("table", "md", "latex", "csv", "json"):
        text = render(report, form)
        assert "copy" in text
        assert "shuffle" in text
