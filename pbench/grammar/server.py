"""Where LanguageTool answers: a server that runs anyway, or one of our own that ends with us."""

from __future__ import annotations

import atexit
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from pbench.errors import UsageError
from pbench.grammar import guard
from pbench.grammar.checker import CheckerError

__all__ = ["START_SECONDS", "LocalServer", "RemoteServer", "Server", "why_no_local_server"]

START_SECONDS = 60.0
_STARTS = 10
_END_SECONDS = 5.0


class Server(Protocol):
    """A LanguageTool server; `endpoint` is the address of its check call."""

    @property
    def endpoint(self) -> str: ...

    def mend(self, endpoint: str) -> None:
        """Called when `endpoint` broke a connection: start anew what can be; CheckerError if it cannot."""
        ...

    def close(self) -> None: ...


class RemoteServer:
    """A server that somebody else keeps; UsageError for what is no http(s) address."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        try:
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is no number
            valid = False
        if not valid or parts.username is not None:
            raise UsageError(f"--languagetool-url {url!r}: expected an address such as http://localhost:8081")
        self.endpoint = _check_call(url)

    def mend(self, endpoint: str) -> None:
        """Nothing: it is not ours to start."""

    def close(self) -> None:
        """Nothing: it is not ours to end."""


class LocalServer:
    """LanguageTool's Java server of the newest installed version, started now, ended with this process.

    `language_tool_python` starts it inside a process of its own (see guard.py), so that Java ends
    even where this process is killed outright. CheckerError where it does not start in `seconds`.
    """

    def __init__(self, seconds: float = START_SECONDS):
        self._seconds = seconds
        self._lock = threading.Lock()
        self._starts = 0
        self._guard: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)
        self.endpoint = self._start()

    def mend(self, endpoint: str) -> None:
        """Start the server again, unless another thread has; CheckerError after _STARTS starts."""
        with self._lock:
            if endpoint == self.endpoint:
                self.endpoint = self._start()

    def close(self) -> None:
        """End the server and what belongs to it; nothing if it has ended."""
        guard_process, self._guard = self._guard, None
        if guard_process is None:
            return
        for pipe in (guard_process.stdin, guard_process.stdout):
            if pipe is not None:
                pipe.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(guard_process.pid, signal.SIGKILL)  # the group outlives a guard that was killed
        with suppress(subprocess.TimeoutExpired):
            guard_process.wait(_END_SECONDS)

    def _start(self) -> str:
        self.close()
        if self._starts == _STARTS:
            raise CheckerError(f"LanguageTool ended {_STARTS} times; it is not started again")
        self._starts += 1
        self._guard = subprocess.Popen(
            [sys.executable, "-P", guard.__file__, installed_versions()[-1]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us to act on
        )
        try:
            return _check_call(self._answer(self._guard))
        except BaseException:
            self.close()
            raise

    def _answer(self, process: subprocess.Popen[bytes]) -> str:
        """The server's address, when it is ready."""
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], self._seconds)
        if not ready:
            raise CheckerError(f"LanguageTool does not start: no answer within {self._seconds:g} seconds")
        line = process.stdout.readline()
        answer = json.loads(line) if line else {"error": "its process ended"}
        if "error" in answer:
            raise CheckerError(f"LanguageTool does not start: {answer['error']}")
        return str(answer["url"])


def _check_call(url: str) -> str:
    base = url.rstrip("/").removesuffix("/check").removesuffix("/v2")
    return f"{base}/v2/check"


def installed_versions() -> list[str]:
    """Versions of LanguageTool that language-tool-python has downloaded before, newest last."""
    folder = Path(os.environ.get("LTP_PATH", Path.home() / ".cache" / "language_tool_python"))
    found = (re.fullmatch(r"LanguageTool-(\d+)\.(\d+)", path.name) for path in folder.glob("LanguageTool-*"))
    return [f"{major}.{minor}" for major, minor in sorted((int(m[1]), int(m[2])) for m in found if m)]


def why_no_local_server() -> str | None:
    """What a local LanguageTool lacks here, None if it can start without a download."""
    if find_spec("language_tool_python") is None:
        return "install the extra: pip install 'pbench[languagetool]'"
    if shutil.which("java") is None:
        return "install Java 17 or later"
    if not installed_versions():
        return "download it once: python -c 'import language_tool_python as l; l.LanguageTool(\"en-US\")'"
    return None
