"""Tables as terminal text, Markdown, LaTeX and CSV: one function a format, each with its escaping.

Cells come from models and data as much as from us, so no format trusts them: control and
bidirectional characters become visible, and what a format would interpret is escaped.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Table", "clean", "csv_text", "latex", "latex_escape", "markdown", "markdown_escape", "terminal"]

Cell = str | int | float | bool | None
_MARKDOWN = re.compile(r"([\\`*\[\]<>|~#$&]|(?<![^\W_])_|_(?![^\W_]))")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",
    "]": "{]}",
    "–": "--",
    "—": "---",
    "·": r"\textperiodcentered{}",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Table:
    """A title, column heads and rows of text; the first column names the row.

    `sections` are indices of rows before which a rule is drawn.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sections: frozenset[int] = frozenset()


def clean(text: str) -> str:
    """One line of printable characters: others stand as their escapes, line ends as spaces."""
    text = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def markdown_escape(text: str) -> str:
    """`text` as Markdown that shows just it; underscores inside words need no escape."""
    return _MARKDOWN.sub(r"\\\1", clean(text))


def latex_escape(text: str) -> str:
    """`text` as LaTeX that any engine sets; characters beyond Latin letters as their code point."""
    return "".join(_LATEX.get(c) or (c if ord(c) < 0x180 else _code_point(c)) for c in clean(text))


def markdown(table: Table) -> str:
    """A GitHub table with its title as a heading."""
    aligned = ["---"] + ["--:"] * (len(table.columns) - 1)
    lines = [[markdown_escape(cell) for cell in row] for row in (table.columns, *table.rows)]
    body = [lines[0], aligned, *lines[1:]]
    return f"### {markdown_escape(table.title)}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in body)


def latex(table: Table) -> str:
    """A booktabs table; the document needs `\\usepackage{booktabs}`."""

    def line(cells: Sequence[str]) -> str:
        return "    " + " & ".join(map(latex_escape, cells)) + r" \\"

    body = []
    for number, row in enumerate(table.rows):
        body += [r"    \midrule"] * (number in table.sections) + [line(row)]
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{latex_escape(table.title)}}}",
            rf"  \begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}",
            r"    \toprule",
            line(table.columns),
            r"    \midrule",
            *body,
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """CSV with a head line; text that a spreadsheet would run as a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_csv_cell(cell) for cell in row] for row in rows])
    return out.getvalue()


def terminal(table: Table, width: int) -> str:
    """Text for a terminal of `width` columns; a table that is too wide goes on below."""
    text = _unwrapped(table, width)
    return text or "\n".join(_wrapped(part, width) for part in _chunks(table, width))


def _csv_cell(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    text = clean(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _code_point(c: str) -> str:
    return rf"\texttt{{U+{ord(c):04X}}}"


def _chunks(table: Table, width: int) -> list[Table]:
    """The table cut into column groups that fit if cells break at their spaces."""
    from rich.cells import cell_len

    needs = [
        max(
            (cell_len(word) for row in (table.columns, *table.rows) for word in clean(row[i]).split()),
            default=1,
        )
        for i in range(len(table.columns))
    ]
    first = max(cell_len(clean(row[0])) for row in (table.columns, *table.rows))
    groups: list[list[int]] = [[]]
    used = first + 2
    for i, need in enumerate(needs[1:], start=1):
        if groups[-1] and used + need + 2 > width:
            groups.append([])
            used = first + 2
        groups[-1].append(i)
        used += need + 2
    return [_columns_of(table, [0, *group], number) for number, group in enumerate(groups)]


def _columns_of(table: Table, columns: Sequence[int], number: int) -> Table:
    title = f"{table.title} (goes on)" if number else table.title

    def pick(row: Sequence[str]) -> tuple[str, ...]:
        return tuple(row[i] for i in columns)

    return Table(title, pick(table.columns), tuple(map(pick, table.rows)), table.sections)


def _unwrapped(table: Table, width: int) -> str | None:
    """What _wrapped gives for a table whose cells all fit in one line; None if they do not.

    A grid of the paper's size has 20,000 cells; this takes a hundredth of the time.
    """
    from rich.cells import cell_len

    lines = [[clean(cell) for cell in row] for row in (table.columns, *table.rows)]
    sizes = [[cell_len(cell) for cell in line] for line in lines]
    widths = [max(column) for column in zip(*sizes, strict=True)]
    if sum(widths) + 3 * (len(widths) - 1) > width or min(widths) == 0:
        return None

    def line(number: int) -> str:
        gaps = [" " * (room - size) for room, size in zip(widths, sizes[number], strict=True)]
        first, *others = zip(lines[number], gaps, strict=True)
        return "   ".join(["".join(first), *(gap + cell for cell, gap in others)]).rstrip()

    rule = "─" * (sum(widths) + 3 * (len(widths) - 1))
    body = [
        text
        for i in range(len(table.rows))
        for text in [""] * (i in table.sections and i > 0) + [line(i + 1)]
    ]
    return "\n".join([clean(table.title), "", line(0), rule, *body, ""])


def _wrapped(table: Table, width: int) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    for number, name in enumerate(table.columns):
        drawn.add_column(Text(clean(name)), justify="right" if number else "left", no_wrap=number == 0)
    for number, row in enumerate(table.rows):
        if number in table.sections:
            drawn.add_section()
        drawn.add_row(*(Text(clean(cell)) for cell in row))
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, markup=False, highlight=False, emoji=False)
    console.print(drawn)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join([clean(table.title), "", *lines, ""])
