"""What works on this machine, what does not, and how to mend it: what `pbench doctor` says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pbench.doctor.finding import Finding

__all__ = ["Finding", "examine"]


def examine(cache: Path) -> Iterator[Finding]:
    """All findings, one after another as they are made; `cache` is the user's cache folder of pbench.

    A check that fails in a way that nobody thought of is a finding, too.
    """
    from pbench.doctor import machine, packages, stages

    checks: tuple[tuple[str, Callable[[], Iterable[Finding]]], ...] = (
        ("python", packages.python),
        ("packages", packages.needed),
        ("versions", packages.tested_versions),
        ("extras", packages.extras),
        ("machine", machine.processors),
        ("threads", machine.threads),
        ("gpu", machine.gpus),
        ("disk", lambda: machine.places(cache)),
        ("hub", machine.hub),
        ("shipped files", stages.shipped_files),
        ("bundled model", stages.bundled_model),
        ("published models", stages.published_models),
        ("grammar", stages.grammar_checkers),
        ("plug-ins", stages.plugins),
    )
    for name, check in checks:
        try:
            yield from check()
        except Exception as error:
            why = f"cannot be examined: {type(error).__name__}: {error}"
            yield Finding(
                name, "broken", why, "install pbench again: pip install --force-reinstall FOLDER_OR_WHEEL"
            )
