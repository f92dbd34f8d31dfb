"""`pbench doctor`: what works here, what does not, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from pbench.cli import console
from pbench.errors import UsageError

if TYPE_CHECKING:
    from pbench.doctor import Finding

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(as_json: bool = typer.Option(False, "--json", help="One JSON object on stdout.")) -> None:
    """Say what would not work here, and how to mend it. Exit code 2 if what pbench needs is broken."""
    from pbench.cli.data import cache_folder
    from pbench.doctor import examine

    findings: list[Finding] = []
    for finding in examine(cache_folder()):
        findings.append(finding)
        if not as_json:
            _tell(finding)
    broken = [finding.name for finding in findings if finding.state == "broken"]
    if as_json:
        console.result_json({"ok": not broken, "findings": [asdict(finding) for finding in findings]})
    if broken:
        raise UsageError(f"pbench does not work here without {', '.join(broken)}; what to do stands above")
    limited = [finding.name for finding in findings if finding.state == "limited"]
    but = f", except for {', '.join(limited)}" if limited else ""
    console.note(f"everything that pbench needs works{but}")


def _tell(finding: Finding) -> None:
    lines = [f"{finding.state:<8} {finding.name}: {finding.found}"]
    if finding.mend is not None:
        lines.append(f"         to mend it: {finding.mend}")
    console.result(console.clean("\n".join(lines)))
