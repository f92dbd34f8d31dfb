"""Processes forked from one that has everything imported, and the command lines that run in them.

A process that imports pbench and torch anew costs about 3 s; a fork costs milliseconds. A test whose
claim is about a program of its own (what it imports, that it can be killed whole) starts one.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import Popen
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
SECONDS = 120  # of patience with a slow machine; nothing here takes more than two of CPU
_PASSES = 70  # of the bundled model: two answers of 32 tokens, one token a step, and a part of the third


@cache
def server() -> ForkServerContext:
    """Starts processes; one for each process of pytest, which begins with the first that needs it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.preloaded"])
    before = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "PYTHONPATH")}
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}  # a fork has no threads of its parent's
    try:
        forkserver.ensure_running()
    finally:
        os.environ |= {name: value for name, value in before.items() if value is not None}
        for name in (name for name, value in before.items() if value is None):
            del os.environ[name]
    return context


def start(target: Callable[..., None], *arguments: Any, **options: Any) -> BaseProcess:
    """Call `target` in a process of its own, with this one's folder and environment variables."""
    inside = (dict(os.environ), target, arguments, options)
    process = server().Process(target=_call, args=inside, daemon=True)  # ends with pytest
    process.start()
    return process


def finish(target: Callable[..., None], *arguments: Any, **options: Any) -> int:
    """The same, and wait for its exit code."""
    process = start(target, *arguments, **options)
    process.join(SECONDS)
    assert process.exitcode is not None, "it does not end"
    return process.exitcode


def signalled(process: BaseProcess, number: int) -> None:
    assert process.pid is not None
    os.kill(process.pid, number)


def _call(
    variables: dict[str, str], target: Callable[..., None], arguments: Sequence[Any], options: dict[str, Any]
) -> None:
    for name in set(os.environ) - set(variables):
        del os.environ[name]
    os.environ |= variables | {"OMP_NUM_THREADS": "1"}
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined] # may have workers
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where pytest runs in the background
    target(*arguments, **options)


class Said(NamedTuple):
    """What a command line ended with and said."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


def said(folder: Path, code: int) -> Said:
    """What a command line of this module has said in `folder`."""
    out, err = ((folder / name).read_bytes().decode(errors="replace") for name in ("out", "err"))
    return Said(code, out, err)


def pbench(arguments: Sequence[str], folder: str, **variables: str) -> None:
    """The command line in `folder`; what it says goes to the files `out` and `err` there."""
    pbench_to(arguments, folder, **variables)


def pbench_to(
    arguments: Sequence[str], folder: str, stdout: str = "out", stderr: str = "err", **variables: str
) -> None:
    """The command line with its streams going to these files; "" for one that is closed."""
    from pbench.cli import app as root

    os.chdir(folder)
    os.environ |= {"XDG_CACHE_HOME": f"{folder}/cache"} | variables
    for name in ("out", "err"):
        Path(name).write_bytes(b"")
    sys.stdout, sys.stderr = (_stream(number, name) for number, name in ((1, stdout), (2, stderr)))
    sys.argv = ["pbench", *arguments]
    root.main()


def endless_pbench(arguments: Sequence[str], folder: str, **variables: str) -> None:
    """`pbench`, with each finished answer in the journal at once, and a model that `endless` made so."""
    import pbench.decode.run as run_module

    run_module.FLUSH_SECONDS = 0.0
    endless()
    pbench_to(arguments, folder, **variables)


def endless() -> None:
    """With `--k 1` the bundled model gives an answer or two in this process, then it is at one for ever.

    A run that is to be disturbed must not be over before, however late the disturber comes.
    """
    from pbench.models.tiny import TinyDenoiser

    logits, left = TinyDenoiser.logits, _PASSES

    def slow(denoiser: TinyDenoiser, *asked: Any) -> Any:
        nonlocal left
        left -= 1
        time.sleep(0 if left > 0 else SECONDS)
        return logits(denoiser, *asked)

    TinyDenoiser.logits = slow  # type: ignore[method-assign]


def begun(process: BaseProcess | Popen[bytes], folder: Path) -> Path:
    """The journal of the run that `process` has begun in `folder`, when two answers are in it."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for journal in (*folder.glob("*.journal.jsonl"), *folder.glob("runs/*.journal.jsonl")):
            if journal.read_bytes().count(b"\n") > 2:
                return journal
        ended = process.exitcode if isinstance(process, BaseProcess) else process.poll()
        assert ended is None, f"it has ended with exit code {ended} before it could be disturbed"
        time.sleep(0.02)
    raise AssertionError("it gives no answers")


def gone(process_ids: Sequence[int]) -> bool:
    """Whether all these processes end (zombies have ended)."""
    until = time.monotonic() + SECONDS
    while any(map(runs, process_ids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(runs, process_ids))


def runs(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def work_endlessly(*inside: Any) -> None:
    """The main function of a worker process whose model `endless` made so."""
    from pbench.decode.processes import _work

    endless()
    _work(*inside)


def pbench_with_workers(arguments: Sequence[str], folder: str, **variables: str) -> None:
    """`endless_pbench` with workers that are forks too; their ids are in the file `workers`."""
    import pbench.decode.processes as module
    from pbench.decode.processes import ProcessPlace

    begin = ProcessPlace._start
    module._work = work_endlessly

    def noted(place: ProcessPlace) -> None:
        begin(place)
        assert place._process is not None
        with Path(folder, "workers").open("a") as file:
            file.write(f"{place._process.pid}\n")

    ProcessPlace._start = noted  # type: ignore[method-assign]
    fork_workers()
    endless_pbench(arguments, folder, **variables)


def fork_workers() -> None:
    """Worker processes of this one, a fork itself, come from the server that it comes from."""
    from pbench import processes

    forkserver._forkserver.ensure_running = lambda: None  # type: ignore[method-assign]
    processes.START = multiprocessing.get_context("forkserver")


def _stream(number: int, name: str) -> Any:
    """What Python makes of descriptor `number` when it starts with the file `name` there."""
    if not name:
        os.close(number)
        return None
    os.dup2(os.open(name, os.O_WRONLY), number)
    encoding = os.environ.get("PYTHONIOENCODING", "utf-8")
    return os.fdopen(number, "w", buffering=1 if number == 2 else -1, encoding=encoding, closefd=False)
