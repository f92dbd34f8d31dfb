"""LanguageTool, en-US, over its HTTP interface, in the hands of a server that may be slow, ill or gone."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from pbench.grammar.checker import CheckerError, Finding, beginning
from pbench.grammar.server import LocalServer, RemoteServer, Server

__all__ = ["MAX_CHARACTERS", "SECONDS", "LanguageToolChecker"]

SECONDS = 20.0
# What the public server takes in one request.
MAX_CHARACTERS = 20_000
_REQUESTS_AT_ONCE = 4
_PAUSES = (0.2, 1.0)  # seconds before a second and a third try
_PATIENCE = 3
_MAX_ANSWER_BYTES = 64 * 2**20
_TOO_MANY_REQUESTS = 429


class _BrokenError(Exception):
    """The connection failed, or what came is no answer; another try may fare better."""


class LanguageToolChecker:
    """The matches of the server at `url`, or of a local one that this object starts and ends.

    `seconds` is the time limit for one text; the first MAX_CHARACTERS of it are checked. What fails
    is tried three times, a local server that died is started again, and after _PATIENCE texts in a
    row without an answer no further one is asked. An answer by another version than the first
    one's is refused. CheckerError where a local server does not start.
    """

    name = "languagetool"
    max_characters = MAX_CHARACTERS

    def __init__(self, url: str | None = None, seconds: float = SECONDS):
        self._server: Server = LocalServer() if url is None else RemoteServer(url)
        self._seconds = seconds
        self._lock = threading.Lock()
        self._unanswered = 0

    @cached_property
    def version(self) -> str:
        """The server's version; CheckerError if it does not answer."""
        return _version(self._ask("Good."))

    def check(self, texts: Sequence[str]) -> list[list[Finding]]:
        """The server's matches in each text; CheckerError if it does not answer in time."""
        if not texts:
            return []
        expected = self.version
        with ThreadPoolExecutor(min(_REQUESTS_AT_ONCE, len(texts))) as pool:
            return list(pool.map(lambda text: self._check(text, expected), texts))

    def close(self) -> None:
        """End the server if it is ours."""
        self._server.close()

    def _check(self, whole: str, expected: str) -> list[Finding]:
        offset, text = beginning(whole, MAX_CHARACTERS)
        answer = self._ask(text)
        if (found := _version(answer)) != expected:
            raise CheckerError(f"LanguageTool {expected} became {found} while it was used; score again")
        try:
            findings = [_finding(match, text, offset) for match in answer["matches"]]
        except (KeyError, TypeError, ValueError):
            raise CheckerError(f"{self._server.endpoint} answers, but not as LanguageTool does") from None
        if not findings and answer.get("warnings", {}).get("incompleteResults"):
            raise CheckerError("LanguageTool did not read all of the text")
        return findings

    def _ask(self, text: str) -> dict[str, Any]:
        """The answer for a text, at the first to the third try."""
        body = urlencode({"language": "en-US", "text": text.encode("utf-8", "replace")}).encode()
        for pause in (*_PAUSES, None):
            endpoint = self._server.endpoint
            if self._unanswered >= _PATIENCE:
                raise CheckerError(f"LanguageTool at {endpoint} has stopped answering")
            try:
                answer = _post(endpoint, body, self._seconds)
            except TimeoutError:
                self._count(1)
                raise CheckerError(
                    f"LanguageTool at {endpoint} gives no answer within {self._seconds:g} seconds"
                ) from None
            except _BrokenError as error:
                if pause is None:
                    self._count(1)
                    raise CheckerError(f"LanguageTool at {endpoint} gives no answer: {error}") from None
                time.sleep(pause)
                self._server.mend(endpoint)
            else:
                self._count(0)
                return answer
        raise AssertionError("the last try returns or raises")

    def _count(self, unanswered: int) -> None:
        """One more text in a row without an answer, or none for 0."""
        with self._lock:
            self._unanswered = self._unanswered + 1 if unanswered else 0


def _post(endpoint: str, body: bytes, seconds: float) -> dict[str, Any]:
    """The object that the server answers with; TimeoutError after `seconds`, however it dawdles.

    _BrokenError for a failed connection, a server's error and what is no answer; CheckerError where
    the server refuses this text.
    """
    parts = urlsplit(endpoint)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    late = threading.Event()
    watch = threading.Timer(seconds, _hang_up, (connection, late))
    watch.daemon = True
    watch.start()
    try:
        connection.connect()
        if late.is_set():  # nobody could hang up before there was a connection
            raise TimeoutError
        connection.request("POST", parts.path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        response = connection.getresponse()
        data = response.read(_MAX_ANSWER_BYTES + 1)
    except (OSError, HTTPException, ValueError) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise TimeoutError from None
        raise _BrokenError(str(error) or type(error).__name__) from None
    finally:
        watch.cancel()
        connection.close()
    if late.is_set():
        raise TimeoutError
    return _answer(endpoint, response.status, data)


def _hang_up(connection: HTTPConnection, late: threading.Event) -> None:
    """Break off a connection, wherever the other end stands."""
    late.set()
    sock = connection.sock
    if sock is not None:
        try:
            sock.shutdown(2)
        except OSError:
            return


def _answer(endpoint: str, status: int, data: bytes) -> dict[str, Any]:
    if status >= 500 or status == _TOO_MANY_REQUESTS:
        raise _BrokenError(f"HTTP status {status}")
    if status != 200:
        said = " ".join(data[:200].decode("utf-8", "replace").split())
        raise CheckerError(f"LanguageTool at {endpoint} refuses the text: HTTP status {status}: {said}")
    if len(data) > _MAX_ANSWER_BYTES:
        raise CheckerError(f"{endpoint} answers more than {_MAX_ANSWER_BYTES} bytes")
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        raise _BrokenError("not JSON") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("matches"), list):
        raise CheckerError(f"{endpoint} answers, but not as LanguageTool does")
    return answer


def _version(answer: dict[str, Any]) -> str:
    """The server's version; of one between releases the day it was built too."""
    software = answer.get("software")
    if not isinstance(software, dict):
        return "unknown"
    version = str(software.get("version", "unknown"))
    return f"{version} {software.get('buildDate')}" if "SNAPSHOT" in version else version


def _finding(match: dict[str, Any], text: str, offset: int) -> Finding:
    """A server's match in `text`, which begins at character `offset`; it counts UTF-16 code units."""
    units = text.encode("utf-16-le", "surrogatepass")
    start, length = int(match["offset"]), int(match["length"])
    begin = offset + len(units[: 2 * start].decode("utf-16-le", "replace"))
    span = units[2 * start : 2 * (start + length)].decode("utf-16-le", "replace")
    return Finding(str(match["message"]), str(match["rule"]["id"]), begin, begin + len(span), span)
