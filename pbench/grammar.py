"""Grammar checkers behind one Protocol: harper in process, LanguageTool as a local or remote server.

Opening a checker is cheap and downloads nothing; the dictionary or the server is started by the
first text that it checks. Results of two checkers are never to be compared: name and version of
the checker belong in the manifest of what it judged.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from functools import cached_property
from http.client import HTTPException
from importlib.metadata import version as package_version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from pbench.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from harper import Linter

__all__ = [
    "CHOICES",
    "CheckerError",
    "Choice",
    "Finding",
    "GrammarChecker",
    "HarperChecker",
    "LanguageToolChecker",
    "open_checker",
]

Choice = Literal["auto", "languagetool", "harper"]
CHOICES: tuple[Choice, ...] = ("auto", "languagetool", "harper")

# harper's rules take time and memory that grow with the square of a run of brackets or quotes
# (100,000 of them abort the process), and 15 ms or more for a word that no dictionary has.
HARPER_MAX_CHARACTERS = 2_000
HARPER_MAX_WORD = 40
HARPER_SPELLING_FINDINGS = 3
_WORDS_AT_ONCE = 4
LANGUAGETOOL_SECONDS = 20.0
_PATIENCE = 3


class CheckerError(UsageError):
    """A checker could not judge a text (no answer, time limit); it says nothing of the text."""


class Finding(NamedTuple):
    """One thing that a checker finds wrong: `text` stands at characters start:end of the input."""

    message: str
    rule: str
    start: int
    end: int
    text: str


class GrammarChecker(Protocol):
    """A grammar checker for English; `name` and `version` say whose results these are."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...

    def check(self, texts: Sequence[str]) -> list[list[Finding]]:
        """The findings in each text, empty where nothing is wrong; CheckerError if it cannot judge."""
        ...


class HarperChecker:
    """harper-py: American English, plain text, in process.

    The first HARPER_MAX_CHARACTERS characters of a text are checked. A text's list ends after
    HARPER_SPELLING_FINDINGS misspellings, and a word of more than HARPER_MAX_WORD characters is a
    finding (`LongWord`) without being looked up.
    """

    name = "harper"

    @cached_property
    def version(self) -> str:
        return package_version("harper-py")

    def check(self, texts: Sequence[str]) -> list[list[Finding]]:
        """The findings in each text: those of the grammar rules, then misspellings."""
        return [self._check(text[:HARPER_MAX_CHARACTERS]) for text in texts]

    def _check(self, text: str) -> list[Finding]:
        words = list(re.finditer(r"\S+", text))
        long = [word for word in words if len(word.group()) > HARPER_MAX_WORD]
        if long:
            return [Finding("No word is this long.", "LongWord", *word.span(), word.group()) for word in long]
        findings = _lint(self._rules, text, 0)
        misspelled = 0
        for first in range(0, len(words), _WORDS_AT_ONCE):
            piece = words[first : first + _WORDS_AT_ONCE]
            start, end = piece[0].start(), piece[-1].end()
            found = _lint(self._spelling, text[start:end], start)
            findings += found
            misspelled += len(found)
            if misspelled >= HARPER_SPELLING_FINDINGS:
                break
        return findings

    @cached_property
    def _rules(self) -> Linter:
        return _linter(lambda rules: rules | {"SpellCheck": False})

    @cached_property
    def _spelling(self) -> Linter:
        return _linter(lambda rules: dict.fromkeys(rules, False) | {"SpellCheck": True})


def _linter(choose: Callable[[dict[str, bool]], dict[str, bool]]) -> Linter:
    """A linter with the rules that `choose` makes of the default ones (rule -> on or off)."""
    from harper import Linter

    linter = Linter()
    linter.set_lint_config(dict(choose(linter.get_default_lint_config())))
    return linter


def _lint(linter: Linter, text: str, offset: int) -> list[Finding]:
    """Findings in `text`, which begins at character `offset` of the whole."""
    return sorted(
        (
            Finding(lint.message, rule, lint.span.start + offset, lint.span.end + offset, lint.problem_text)
            for rule, lints in linter.organized_lints(text, language="plaintext").items()
            for lint in lints
        ),
        key=lambda finding: (finding.start, finding.end, finding.rule),
    )


class LanguageToolChecker:
    """LanguageTool, en-US, over its HTTP interface: at `url`, or a local server of its own.

    The local server is started by the first text (or question for the version) and ends with the
    process. `seconds` is the time limit for one text. After _PATIENCE texts in a row without an
    answer no further one is asked.
    """

    name = "languagetool"

    def __init__(self, url: str | None = None, seconds: float = LANGUAGETOOL_SECONDS):
        self._given = None if url is None else _check_endpoint(url)
        self._seconds = seconds
        self._unanswered = 0

    @cached_property
    def version(self) -> str:
        """The server's version; CheckerError if it does not answer."""
        software = self._ask("Good.").get("software", {})
        return str(software.get("version", "unknown"))

    def check(self, texts: Sequence[str]) -> list[list[Finding]]:
        """The server's matches in each text; CheckerError if it does not answer in time."""
        return [[_finding(match, text) for match in self._ask(text)["matches"]] for text in texts]

    @cached_property
    def _endpoint(self) -> str:
        return self._given or _start_local_server()

    def _ask(self, text: str) -> dict[str, Any]:
        if self._unanswered >= _PATIENCE:
            raise CheckerError(f"LanguageTool at {self._endpoint} has stopped answering")
        body = urlencode({"language": "en-US", "text": text.encode("utf-8", "replace")}).encode()
        try:
            with urlopen(Request(self._endpoint, data=body), timeout=self._seconds) as response:
                answer = json.load(response)
        except (URLError, HTTPException, OSError, ValueError) as error:
            self._unanswered += 1
            raise CheckerError(f"LanguageTool at {self._endpoint} gives no answer: {error}") from None
        if not isinstance(answer, dict) or not isinstance(answer.get("matches"), list):
            raise CheckerError(f"{self._endpoint} answers, but not as LanguageTool does")
        self._unanswered = 0
        return answer


def _check_endpoint(url: str) -> str:
    """The address of the check call of a server; UsageError for what is no http(s) address."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise UsageError(f"--languagetool-url {url!r}: expected an address such as http://localhost:8081")
    base = url.rstrip("/").removesuffix("/check").removesuffix("/v2")
    return f"{base}/v2/check"


def _finding(match: dict[str, Any], text: str) -> Finding:
    """A server's match; it counts UTF-16 code units, a Finding counts characters."""
    units = text.encode("utf-16-le", "surrogatepass")
    start, length = int(match["offset"]), int(match["length"])
    begin = len(units[: 2 * start].decode("utf-16-le", "replace"))
    span = units[2 * start : 2 * (start + length)].decode("utf-16-le", "replace")
    return Finding(str(match["message"]), str(match["rule"]["id"]), begin, begin + len(span), span)


def _start_local_server() -> str:
    """Start a server of the newest installed version and return the address of its check call."""
    import language_tool_python

    try:
        tool = language_tool_python.LanguageTool(
            "en-US", language_tool_download_version=_installed_versions()[-1]
        )
    except Exception as error:
        raise CheckerError(f"LanguageTool does not start: {error}") from error
    atexit.register(tool.close)
    return _check_endpoint(tool.url)


def _installed_versions() -> list[str]:
    """Versions of LanguageTool that language-tool-python has downloaded before, newest last."""
    folder = Path(os.environ.get("LTP_PATH", Path.home() / ".cache" / "language_tool_python"))
    found = (re.fullmatch(r"LanguageTool-(\d+)\.(\d+)", path.name) for path in folder.glob("LanguageTool-*"))
    return [f"{major}.{minor}" for major, minor in sorted((int(m[1]), int(m[2])) for m in found if m)]


def _why_no_local_server() -> str | None:
    """What a local LanguageTool lacks here, None if it can start without a download."""
    if find_spec("language_tool_python") is None:
        return "install the extra: pip install 'pbench[languagetool]'"
    if shutil.which("java") is None:
        return "install Java 17 or later"
    if not _installed_versions():
        return "download it once: python -c 'import language_tool_python as l; l.LanguageTool(\"en-US\")'"
    return None


def open_checker(choice: Choice = "auto", url: str | None = None) -> GrammarChecker:
    """The checker of this choice; `url` is a running LanguageTool server.

    `auto` takes LanguageTool if a url is given or a local server can start without a download, else
    harper. UsageError where LanguageTool is asked for and cannot start, or a url goes with harper.
    """
    if choice not in CHOICES:
        raise unknown_name("grammar checker", choice, CHOICES)
    if choice == "harper":
        if url is not None:
            raise UsageError("--languagetool-url goes with --grammar languagetool or auto, not harper")
        return HarperChecker()
    lacking = None if url is not None else _why_no_local_server()
    if lacking is None:
        return LanguageToolChecker(url)
    if choice == "auto":
        return HarperChecker()
    raise UsageError(f"LanguageTool cannot start here; {lacking}, or name a server: --languagetool-url URL")
