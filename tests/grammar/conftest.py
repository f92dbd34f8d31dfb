"""LanguageTool's stand-ins: an HTTP server in this process, and a `java` that speaks for the real one."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from pbench.grammar import languagetool


@dataclass
class StandIn:
    """A server at `url`; `seen` are the texts it was asked, `version` what it says it is.

    While it is `ill` it has no answer to texts with that word. A text with `wait` is answered when
    `go` is set, one with `dribble` never ends before.
    """

    url: str
    version: str = "6.8"
    ill: bool = True
    go: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)
    forms: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)

    def times(self, word: str) -> int:
        return sum(word in text for text in self.seen)


def answer(text: str, version: str) -> dict[str, Any]:
    """`baad` is one match, counted in UTF-16 units as LanguageTool does."""
    units = len(text[: text.find("baad")].encode("utf-16-le")) // 2
    match = {"message": "Possible typo", "offset": units, "length": 4, "rule": {"id": "TYPO"}}
    return {
        "software": {"name": "LanguageTool", "version": version, "buildDate": "2026-01-02"},
        "warnings": {"incompleteResults": "incomplete" in text},
        "matches": [match] if "baad" in text else [],
    }


class _Handler(BaseHTTPRequestHandler):
    """Speaks /v2/check; some words in the text make it misbehave."""

    def do_GET(self) -> None:
        """It is ready, and knows English."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'[{"code": "en", "longCode": "en-US"}]')

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True)
        stand_in: StandIn = self.server.stand_in  # type: ignore[attr-defined]
        text = form["text"][0]
        stand_in.forms.append((self.path, form))
        stand_in.seen.append(text)
        if "wait" in text:
            stand_in.go.wait()
        if "hang up" in text:
            return
        if "dribble" in text:
            self._dribble(stand_in.go)
            return
        self.send_response(self._status(text, stand_in))
        self.end_headers()
        self.wfile.write(self._body(text, stand_in))

    def _status(self, text: str, stand_in: StandIn) -> int:
        if "crash once" in text and stand_in.times("crash once") == 1:
            return 500
        if "busy once" in text and stand_in.times("busy once") == 1:
            return 429
        if "ill" in text and stand_in.ill:
            return 500
        for word, status in (("crash always", 500), ("too long", 413), ("moved", 301)):
            if word in text:
                return status
        return 200

    def _body(self, text: str, stand_in: StandIn) -> bytes:
        if "broken" in text:
            return b"not JSON"
        if "nested" in text:
            return b"[" * 100_000
        if "foreign" in text:
            return b'{"something": "else"}'
        if "odd match" in text:
            return b'{"software": {"version": "6.8"}, "matches": [{"offset": "x"}]}'
        return json.dumps(answer(text, stand_in.version)).encode()

    def _dribble(self, go: threading.Event) -> None:
        """An answer that never ends, a byte now and then."""
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
        while not go.wait(0.05):
            self.wfile.write(b"x")
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A running stand-in; tries follow each other without a pause."""
    monkeypatch.setattr(languagetool, "_PAUSES", (0.0, 0.0))
    with _Server(("127.0.0.1", 0), _Handler) as http:
        stand_in = StandIn(f"http://127.0.0.1:{http.server_port}")
        http.stand_in = stand_in  # type: ignore[attr-defined]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stand_in
        finally:
            stand_in.go.set()
            http.shutdown()
            thread.join()


_JAVA = '''#!{python}
"""Plays Java with LanguageTool's server in it. `die once` in a text ends it, the first time only."""
import json, os, signal, sys, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

home = {home!r}
if "-version" in sys.argv:
    sys.exit(print('openjdk version "17.0.1" 2021-10-19'))
with open(os.path.join(home, "pids"), "a") as file:
    file.write(f"{{os.getpid()}}\\n")
if os.path.exists(os.path.join(home, "refuse")):
    sys.exit(1)
while os.path.exists(os.path.join(home, "mute")):
    signal.pause()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.reply([{{"code": "en", "longCode": "en-US"}}])
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        text = urllib.parse.parse_qs(body)["text"][0]
        died = os.path.join(home, "died")
        if "die once" in text and not os.path.exists(died):
            open(died, "w").close()
            os._exit(1)
        match = {{"message": "m", "offset": text.find("baad"), "length": 4, "rule": {{"id": "R"}}}}
        self.reply({{"software": {{"version": "6.8"}}, "matches": [match] if "baad" in text else []}})
    def reply(self, value):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())
    def log_message(self, *args):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("-p") + 1])), Handler).serve_forever()
'''


@dataclass
class Installation:
    """A LanguageTool that the library takes for an installed one."""

    home: Path

    def pids(self) -> list[int]:
        """Process ids of the Java processes that were started, in their order."""
        file = self.home / "pids"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def refuse(self) -> None:
        """From now on Java ends as soon as it starts."""
        (self.home / "refuse").touch()

    def mute(self) -> None:
        """From now on Java starts and never listens."""
        (self.home / "mute").touch()


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """`java` on the path, LanguageTool 6.8 in the library's folder."""
    java, downloads = tmp_path / "bin" / "java", tmp_path / "downloads"
    java.parent.mkdir()
    java.write_text(_JAVA.format(python=sys.executable, home=str(tmp_path)))
    java.chmod(0o755)
    for version in ("6.8", "6.2"):
        folder = downloads / f"LanguageTool-{version}"
        folder.mkdir(parents=True)
        (folder / "languagetool-server.jar").touch()
    monkeypatch.setenv("LTP_PATH", str(downloads))
    monkeypatch.setenv("PATH", f"{java.parent}{os.pathsep}{os.environ['PATH']}")
    return Installation(tmp_path)


def ended(pid: int, seconds: float = 120.0) -> bool:
    """Whether the process is gone (or a zombie that nobody asks for) within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
