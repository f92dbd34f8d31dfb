"""Which checker judges: the one named, or LanguageTool if it can start and harper if not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pbench.errors import UsageError, unknown_name
from pbench.grammar.checker import CheckerError, GrammarChecker
from pbench.grammar.embedded import HarperChecker
from pbench.grammar.languagetool import LanguageToolChecker
from pbench.grammar.server import RemoteServer, why_no_local_server

__all__ = ["CHOICES", "Choice", "open_checker", "require_choice"]

Choice = Literal["auto", "languagetool", "harper"]
CHOICES: tuple[Choice, ...] = ("auto", "languagetool", "harper")


def _silent(_reason: str) -> None:
    pass


def require_choice(choice: str, url: str | None) -> Choice:
    """The choice; UsageError for a checker that does not exist, or what is no url for it."""
    known = next((one for one in CHOICES if one == choice), None)
    if known is None:
        raise unknown_name("grammar checker", choice, CHOICES)
    if url is not None:
        if known == "harper":
            raise UsageError("--languagetool-url goes with --grammar languagetool or auto, not harper")
        RemoteServer(url)
    return known


def open_checker(
    choice: Choice = "auto",
    url: str | None = None,
    *,
    threads: int | None = None,
    on_fallback: Callable[[str], None] = _silent,
) -> GrammarChecker:
    """The checker of this choice; `url` is a running LanguageTool server, `threads` are harper's.

    LanguageTool has been started and asked once when this returns; nothing is downloaded. `auto`
    takes it if a url is given or a local server starts, else harper, and tells `on_fallback` why.
    UsageError where LanguageTool is asked for and cannot start, or a url goes with harper.
    """
    require_choice(choice, url)
    if choice == "harper":
        return HarperChecker(threads)
    if url is not None:
        return _asked(LanguageToolChecker(url))
    lacking = why_no_local_server()
    if lacking is None:
        try:
            return _asked(LanguageToolChecker())
        except CheckerError as error:
            if choice == "languagetool":
                raise
            lacking = str(error)
    if choice == "auto":
        on_fallback(lacking)
        return HarperChecker(threads)
    raise UsageError(f"LanguageTool cannot start here; {lacking}, or name a server: --languagetool-url URL")


def _asked(checker: LanguageToolChecker) -> LanguageToolChecker:
    """The checker, when it has told its version; it is ended where it has none."""
    try:
        _ = checker.version
    except CheckerError:
        checker.close()
        raise
    return checker
