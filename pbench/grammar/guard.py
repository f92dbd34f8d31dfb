"""A process that holds LanguageTool's Java server and ends it with the process that asked for it.

Run as a file, by `pbench.grammar.server`: `python guard.py VERSION`. It prints one line of JSON,
`{"url": ...}` or `{"error": ...}`, and kills its process group, Java included, as soon as its
standard input ends: that happens even where the parent is killed outright.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from typing import Any

_TRIES = 3
_READY_SECONDS = 60  # the parent has its own limit for all of it


def main(version: str) -> None:
    """Start the server of this installed version of LanguageTool and wait for the end of input."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the library prints is no answer
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        tool = _started(version)
        answer = {"url": str(tool.url)}
    except BaseException as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), file=answers, flush=True)
    threading.Event().wait()


def _started(version: str) -> Any:
    """The library's handle of the server, when it is ready; the server ends with it."""
    from language_tool_python import LanguageTool
    from language_tool_python.exceptions import ServerError

    class OwnServer(LanguageTool):
        """The library takes any server that answers at one of 900 ports for the one that it started."""

        def _start_server_on_free_port(self) -> None:
            for left in reversed(range(_TRIES)):
                self._port = _free_port()
                self._url = f"http://{self._host}:{self._port}/v2/"
                try:
                    self._start_local_server()
                    if _listens(self._server.pid, self._port):
                        return
                    raise ServerError(f"another process answers at port {self._port}")
                except ServerError:
                    self._terminate_server()
                    if not left:
                        raise

        def _wait_for_server_ready(self, timeout: int = _READY_SECONDS) -> None:
            super()._wait_for_server_ready(timeout)

    return OwnServer("en-US", host="127.0.0.1", language_tool_download_version=version)


def _free_port() -> int:
    """A port that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(pid: int, port: int) -> bool:
    """Whether this process, or one that it started, waits for connections there."""
    import psutil  # type: ignore[import-untyped] # which the library needs too

    parent = psutil.Process(pid)
    for process in (parent, *parent.children(recursive=True)):
        for one in process.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr.port == port:
                return True
    return False


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
