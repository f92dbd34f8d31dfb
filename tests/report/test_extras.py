"""Extras add up: what one lacks, the other gives."""

from pbench.report.extras import Extras
from pbench.report.findings import Findings


def test_findings_stay_whichever_side_has_them() -> None:
    first, second = (Extras(findings=Findings(task_map=()), notes=(name,)) for name in "ab")
    assert (first + Extras()).findings is first.findings
    assert (Extras() + second).findings is second.findings
    both = first + second
    assert both.findings is second.findings
    assert both.notes == ("a", "b")
