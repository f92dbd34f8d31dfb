"""harper: American English, plain text, in this process, on every core."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version as package_version
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from pbench.grammar.checker import CheckerError, Finding, beginning
from pbench.processes import cores

if TYPE_CHECKING:
    from harper import Linter

__all__ = ["MAX_CHARACTERS", "MAX_WORD", "SPELLING_FINDINGS", "HarperChecker"]

# harper's rules take time and memory that grow with the square of a run of brackets or quotes
# (100,000 of them abort the process), and 7 ms or more for a word that no dictionary has.
MAX_CHARACTERS = 2_000
MAX_WORD = 40
SPELLING_FINDINGS = 3
# Few, so that gibberish ends soon; many, so that abbreviations (U.S.) seldom end a piece: there
# harper takes their last letter for a word.
_WORDS_AT_ONCE = 24


class _Linters(NamedTuple):
    """One for the rules, one for the dictionary; neither may serve two threads at once."""

    rules: Linter
    spelling: Linter


class HarperChecker:
    """The first MAX_CHARACTERS characters of a text are checked, `threads` texts at once.

    Misspellings are looked up in pieces of _WORDS_AT_ONCE words until there are SPELLING_FINDINGS,
    and a word of more than MAX_WORD characters is a finding (`LongWord`) without being looked up.
    The dictionary is loaded by the first text.
    """

    name = "harper"
    max_characters = MAX_CHARACTERS

    def __init__(self, threads: int | None = None):
        self._threads = threads or cores()
        self._idle: SimpleQueue[_Linters] = SimpleQueue()

    @cached_property
    def version(self) -> str:
        return package_version("harper-py")

    def check(self, texts: Sequence[str]) -> list[list[Finding]]:
        """The findings in each text: those of the grammar rules, then misspellings."""
        if self._threads == 1 or len(texts) < 2:
            return [self._check(text) for text in texts]
        return list(self._pool.map(self._check, texts))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        """Threads for good: harper lets others run, but keeps some megabytes of each that ended."""
        return ThreadPoolExecutor(self._threads)

    def _check(self, whole: str) -> list[Finding]:
        offset, text = beginning(whole, MAX_CHARACTERS)
        words = list(re.finditer(r"\S+", text))
        long = [word for word in words if len(word.group()) > MAX_WORD]
        if long:
            return [_long_word(word, offset) for word in long]
        with self._linters() as linters:
            findings = _lint(linters.rules, text, offset)
            misspelled = 0
            for first in range(0, len(words), _WORDS_AT_ONCE):
                piece = words[first : first + _WORDS_AT_ONCE]
                start, end = piece[0].start(), piece[-1].end()
                found = _lint(linters.spelling, text[start:end], offset + start)
                findings += found
                misspelled += len(found)
                if misspelled >= SPELLING_FINDINGS:
                    break
        return findings

    @contextmanager
    def _linters(self) -> Iterator[_Linters]:
        """Linters that no other thread has."""
        try:
            linters = self._idle.get_nowait()
        except Empty:
            linters = _Linters(
                _linter(lambda rules: rules | {"SpellCheck": False}),
                _linter(lambda rules: dict.fromkeys(rules, False) | {"SpellCheck": True}),
            )
        try:
            yield linters
        finally:
            self._idle.put(linters)


def _long_word(word: re.Match[str], offset: int) -> Finding:
    return Finding(
        "No word is this long.", "LongWord", word.start() + offset, word.end() + offset, word.group()
    )


def _linter(choose: Callable[[dict[str, bool]], dict[str, bool]]) -> Linter:
    """A linter with the rules that `choose` makes of the default ones (rule -> on or off)."""
    from harper import Linter

    linter = Linter()
    linter.set_lint_config(dict(choose(linter.get_default_lint_config())))
    return linter


def _lint(linter: Linter, text: str, offset: int) -> list[Finding]:
    """Findings in `text`, which begins at character `offset` of the whole."""
    try:
        # All rules at once take two thirds of the time of one by one, which alone says their names.
        if not linter.lint(text, language="plaintext", dedup=False):
            return []
        found = linter.organized_lints(text, language="plaintext")
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a Rust panic is no Exception
            raise
        raise CheckerError(f"harper cannot read this text: {error}") from None
    return sorted(
        (
            Finding(lint.message, rule, lint.span.start + offset, lint.span.end + offset, lint.problem_text)
            for rule, lints in found.items()
            for lint in lints
        ),
        key=lambda finding: (finding.start, finding.end, finding.rule),
    )
