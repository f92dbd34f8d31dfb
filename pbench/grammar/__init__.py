"""Grammar checkers behind one Protocol: harper in process, LanguageTool as a local or remote server.

Results of two checkers are never to be compared: name and version of the checker belong in the
manifest of what it judged.
"""

from __future__ import annotations

from pbench.grammar.checker import CheckerError, Finding, GrammarChecker, characters_read
from pbench.grammar.choice import CHOICES, Choice, open_checker, require_choice
from pbench.grammar.embedded import HarperChecker
from pbench.grammar.languagetool import LanguageToolChecker

__all__ = [
    "CHOICES",
    "CheckerError",
    "Choice",
    "Finding",
    "GrammarChecker",
    "HarperChecker",
    "LanguageToolChecker",
    "characters_read",
    "open_checker",
    "require_choice",
]
