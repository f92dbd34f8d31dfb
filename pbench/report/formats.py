"""Tables as terminal text, Markdown, LaTeX and CSV: one function a format, each with its escaping.

Cells come from models and data as much as from us, so no format trusts them: control and
bidirectional characters become visible, and what a format would interpret is escaped.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len

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
_GAP = "   "  # between the columns of a terminal
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
    """Text for a terminal of `width` columns: cells break at their spaces, and a table that is still
    too wide goes on below. Words are never cut, whatever the width.
    """
    return "\n".join(_drawn(part, width) for part in _chunks(_cleaned(table), width))


def _csv_cell(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    text = clean(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _code_point(c: str) -> str:
    return rf"\texttt{{U+{ord(c):04X}}}"


def _cleaned(table: Table) -> Table:
    rows = tuple(tuple(map(clean, row)) for row in table.rows)
    return Table(clean(table.title), tuple(map(clean, table.columns)), rows, table.sections)


def _chunks(table: Table, width: int) -> list[Table]:
    """The table cut into column groups that fit if cells break at their spaces; whole if it fits as it is."""
    columns = _columns(table)
    full = [_size(column) for column in columns]
    if _line_width(full) <= width:
        return [table]
    needs = [_need(column) for column in columns]
    first = min(full[0], max(needs[0], width - len(_GAP) - max(needs[1:], default=0)))
    groups: list[list[int]] = [[]]
    for i in range(1, len(needs)):
        if groups[-1] and _line_width([first, *(needs[k] for k in groups[-1]), needs[i]]) > width:
            groups.append([])
        groups[-1].append(i)
    return [_columns_of(table, [0, *group], number) for number, group in enumerate(groups)]


def _columns_of(table: Table, columns: Sequence[int], number: int) -> Table:
    title = f"{table.title} (goes on)" if number else table.title

    def pick(row: Sequence[str]) -> tuple[str, ...]:
        return tuple(row[i] for i in columns)

    return Table(title, pick(table.columns), tuple(map(pick, table.rows)), table.sections)


def _drawn(table: Table, width: int) -> str:
    """A clean table, its first column at the left of its place and the others at the right."""
    columns = [
        _broken(column, room) for column, room in zip(_columns(table), _widths(table, width), strict=True)
    ]
    widths = [_size([line for cell in column for line in cell]) for column in columns]
    head, *rows = (_row(cells, widths) for cells in zip(*columns, strict=True))
    body = [line for i, row in enumerate(rows) for line in [""] * (i in table.sections and i > 0) + row]
    return "\n".join([table.title, "", *head, "─" * _line_width(widths), *body, ""])


def _row(cells: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    """The lines of a row whose cells have lines of their own."""
    lines = []
    for parts in zip_longest(*cells, fillvalue=""):
        gaps = [" " * (room - cell_len(part)) for part, room in zip(parts, widths, strict=True)]
        others = [gap + part for gap, part in zip(gaps[1:], parts[1:], strict=True)]
        lines.append(_GAP.join([parts[0] + gaps[0], *others]).rstrip())
    return lines


def _widths(table: Table, width: int) -> list[int]:
    """Widths of the columns: while the table is too wide, the widest is broken, and the first one last."""
    columns = _columns(table)
    widths, needs = [_size(column) for column in columns], [_need(column) for column in columns]
    while _line_width(widths) > width:
        open_ones = [i for i in range(len(columns)) if widths[i] > needs[i]]
        if not open_ones:
            break
        i = max(open_ones, key=lambda i: (i > 0, widths[i], i))
        widths[i] = _size([line for cell in _broken(columns[i], widths[i] - 1) for line in cell])
    return widths


def _broken(column: Sequence[str], width: int) -> list[list[str]]:
    """The lines of each cell, broken at spaces so that none is wider than `width`, if its words are not."""
    return [[cell] if cell_len(cell) <= width else _lines(cell, width) for cell in column]


def _lines(cell: str, width: int) -> list[str]:
    words = cell.split()
    lines = words[:1]
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        if cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _columns(table: Table) -> list[tuple[str, ...]]:
    return list(zip(table.columns, *table.rows, strict=True))


def _line_width(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _size(cells: Iterable[str]) -> int:
    return max(map(cell_len, cells), default=0)


def _need(column: Iterable[str]) -> int:
    """The longest word."""
    return _size(word for cell in column for word in cell.split())
