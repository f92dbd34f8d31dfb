"""A process that holds LanguageTool's Java server and ends it with the process that asked for it.

Run as a file, by `pbench.grammar.server`: `python guard.py VERSION`. It prints one line of JSON,
`{"url": ...}` or `{"error": ...}`, and kills its process group, Java included, as soon as its
standard input ends: that happens even where the parent is killed outright.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import Any

_PORTS = 2  # after the first


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

    class FewPorts(LanguageTool):
        """The library tries 900 ports, whatever ails the server."""

        def _start_server_on_free_port(self) -> None:
            del self._available_ports[_PORTS:]
            super()._start_server_on_free_port()

    return FewPorts("en-US", language_tool_download_version=version)


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
