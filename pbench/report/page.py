"""report.md and its sisters: the same tables as one text in each format."""

from __future__ import annotations

from pbench.metrics.bootstrap import RESAMPLES
from pbench.report import formats
from pbench.report.build import Report
from pbench.report.summary import summary
from pbench.report.tables import all_tables, csv_columns, csv_rows, pbx_reasons

__all__ = ["as_csv", "as_latex", "as_markdown", "as_terminal", "notes"]


def as_terminal(report: Report, width: int) -> str:
    """All tables for a terminal, with the reasons of missing PBx values; warnings go elsewhere."""
    tables = [formats.terminal(table, width) for table in all_tables(report)]
    return "\n".join([*tables, *map(formats.clean, [*pbx_reasons(report), *_method(report)])])


def as_markdown(report: Report, picture: str | None) -> str:
    """A page that begins with what one sees; `picture` is the address of the curves, if there are any."""
    models = ", ".join(dict.fromkeys(series.model for series in report.series)) or "published numbers"
    lead = [f"- {formats.markdown_escape(line)}" for line in (summary(report) if report.series else ())]
    image = [f"![Speed-quality curves]({picture})", ""] if picture else []
    tables = [formats.markdown(table) for table in all_tables(report)]
    remarks = [f"- {formats.markdown_escape(line)}" for line in notes(report)]
    head = [f"# Parallel decoding report: {formats.markdown_escape(models)}", "", *lead, "", *image]
    return "\n".join([*head, *tables, "### Notes", "", *remarks, ""])


def as_latex(report: Report) -> str:
    """All tables as LaTeX floats, notes as comments."""
    remarks = [f"% {formats.clean(line)}" for line in notes(report)]
    return "\n".join([r"% needs \usepackage{booktabs}", *remarks, *map(formats.latex, all_tables(report))])


def as_csv(report: Report) -> str:
    """One row a task and run point, scores in 0..1."""
    return formats.csv_text(csv_columns(report), csv_rows(report))


def notes(report: Report) -> list[str]:
    """What a careful reader must know: reasons, samples, intervals, checker, what is unfinished."""
    return [*pbx_reasons(report), *_method(report), *report.notes]


def _method(report: Report) -> list[str]:
    return [*_sizes(report), *report.extras.remarks]


def _sizes(report: Report) -> list[str]:
    sizes = [stats.n for point in report.points for stats in point.tasks.values()]
    if not sizes:
        return []
    span = f"{min(sizes)}" if min(sizes) == max(sizes) else f"{min(sizes)} to {max(sizes)}"
    checker = ", ".join(report.checkers) or "none used"
    return [
        f"n = {span} samples a task; intervals: Wilson for right or wrong, bootstrap for other values and "
        f"for means over tasks ({RESAMPLES:,} resamples within tasks; each task counts once).",
        f"Grammar checker: {checker}. Samples that failed are counted as errors, never as zero.",
    ]
