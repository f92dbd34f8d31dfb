"""The command line: parse, one call, print. The only place that strings stages together."""

from __future__ import annotations

from pbench.cli.app import main

__all__ = ["main"]
