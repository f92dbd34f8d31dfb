"""Findings of a grammar checker kept between runs, by checker, version and hash of the text."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pbench.grammar import Finding, GrammarChecker

__all__ = ["CachedChecker", "cache_path"]

_TABLE = """CREATE TABLE IF NOT EXISTS findings (
    checker TEXT, version TEXT, text BLOB, findings TEXT, PRIMARY KEY (checker, version, text)
) WITHOUT ROWID"""
_TEXTS_AT_ONCE = 64  # kept together, so that a killed run loses little


def cache_path(folder: Path) -> Path:
    """Where the findings for the artifacts of `folder` lie."""
    return folder / ".pbench-cache" / "grammar.sqlite"


class CachedChecker:
    """A checker that asks `inner` only for texts that are not in the SQLite file `path`.

    A file that cannot be read or written (read-only folder, damaged, locked) is done without.
    """

    def __init__(self, inner: GrammarChecker, path: Path):
        self._inner = inner
        self._path = path
        self.name = inner.name
        self.version = inner.version

    def check(self, texts: Sequence[str]) -> list[list[Finding]]:
        """The findings in each text, as `inner` gives them."""
        known: dict[str, list[Finding]] = {}
        wanted = list(dict.fromkeys(texts))
        with self._opened() as connection:
            for first in range(0, len(wanted), _TEXTS_AT_ONCE):
                piece = wanted[first : first + _TEXTS_AT_ONCE]
                found = self._read(connection, piece)
                new = [text for text in piece if text not in found]
                if new:
                    fresh = dict(zip(new, self._inner.check(new), strict=True))
                    self._write(connection, fresh)
                    found |= fresh
                known |= found
        return [known[text] for text in texts]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection | None]:
        """The cache file with its table, or None where it cannot be had."""
        connection = None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=10.0)
            connection.execute(_TABLE)
        except (OSError, sqlite3.Error):
            if connection is not None:
                connection.close()
            connection = None
        try:
            yield connection
        finally:
            if connection is not None:
                connection.close()

    def _read(self, connection: sqlite3.Connection | None, texts: Sequence[str]) -> dict[str, list[Finding]]:
        if connection is None:
            return {}
        keys = {_hash(text): text for text in texts}
        query = (
            "SELECT text, findings FROM findings WHERE checker = ? AND version = ? "
            f"AND text IN ({','.join('?' * len(keys))})"
        )
        try:
            rows = connection.execute(query, (self.name, self.version, *keys)).fetchall()
            return {keys[key]: [Finding(*item) for item in json.loads(findings)] for key, findings in rows}
        except (sqlite3.Error, ValueError, TypeError):
            return {}

    def _write(self, connection: sqlite3.Connection | None, found: dict[str, list[Finding]]) -> None:
        if connection is None:
            return
        rows = [(self.name, self.version, _hash(text), json.dumps(items)) for text, items in found.items()]
        try:
            with connection:
                connection.executemany("INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?)", rows)
        except sqlite3.Error:
            return


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
