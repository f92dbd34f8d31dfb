"""What the fault suite runs in forks (see tests/forks.py)."""

from __future__ import annotations

import atexit
import ctypes
import os
import pty
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pbench.decode.run as run_module
from pbench.cli import app as root
from pbench.decode import EngineOptions, Engines, LocalRunner, decode_run, make_plan, run_identity
from pbench.decode.data import TaskData
from pbench.models import find_model, load_model
from pbench.records import Generation, Sample
from pbench.samplers import make_sampler
from pbench.tasks import generate, resolve
from tests.forks import pbench_to
from tests.scripted import Scripted, hashed, sample

LOG = "decoded.log"
_FILE_EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.truncate")


def pbench_to_nobody(arguments: Sequence[str], folder: str, **variables: str) -> None:
    """Its stdout is a pipe that nobody reads any more."""
    pbench_to(arguments, folder, stdout=_pipe_to_nobody(), **variables)


def pbench_noted_to_nobody(arguments: Sequence[str], folder: str, **variables: str) -> None:
    """The same for its stderr."""
    pbench_to(arguments, folder, stderr=_pipe_to_nobody(), **variables)


def _pipe_to_nobody() -> str:
    reading, writing = os.pipe()
    os.dup2(writing, 9)
    os.close(reading)
    os.close(writing)
    return "/proc/self/fd/9"


def pbench_on_a_terminal(arguments: Sequence[str], folder: str, **variables: str) -> None:
    """All its streams are a terminal; what is shown there goes to the file `out`."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.environ |= variables
        sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, closefd=False) for number in (1, 2))
        sys.argv = ["pbench", *arguments]
        root.main()
    for name in ("out", "err"):
        Path(folder, name).write_bytes(b"")
    with open(Path(folder, "out"), "wb") as shown, suppress(OSError):  # EIO at its end
        while data := os.read(terminal, 1024):
            shown.write(data)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def pbench_locked_out(arguments: Sequence[str], folder: str, **variables: str) -> None:
    """The folder `locked` cannot be written to; exit code 77 where nothing can make it so."""
    os.chdir(folder)
    place = Path(folder, "locked")
    if os.geteuid() == 0:
        _mount_read_only(place)  # permission bits do not bind root
    else:
        place.chmod(0o555)
        atexit.register(place.chmod, 0o755)
    if os.access(place, os.W_OK):
        sys.exit(77)
    pbench_to(arguments, folder, **variables)


def _mount_read_only(place: Path) -> None:
    """For this process alone: it gets a mount table of its own."""
    libc = ctypes.CDLL(None)
    new_table, private, bind, read_only = 0x20000, 0x44000, 0x1000, 0x1021  # sched.h, mount.h
    if libc.unshare(new_table) == 0:
        libc.mount(b"none", b"/", None, private, None)
        for how in (bind, read_only):
            libc.mount(bytes(place), bytes(place), None, how, None)


def pbench_killed(arguments: Sequence[str], folder: str, stop_at: int, **variables: str) -> None:
    """kill -9 comes right before file operation number `stop_at` in the folder `runs`."""
    run_module.FLUSH_SECONDS = 0.0
    _stop_before(stop_at, Path(folder, "runs"))
    pbench_to(arguments, folder, **variables)


def scripted_run(out: str, samples: int, stop_at: int | None = None) -> None:
    """Decode with the scripted model; kill -9 comes right before file operation number `stop_at`."""
    if stop_at is not None:
        _be_quick()
        _stop_before(stop_at, Path(out).parent)
    _decode(Scripted(hashed), scripted_task(samples), Path(out), k=4)


def tiny_run(out: str, samples: int) -> None:
    """Decode the task `copy` with the bundled model."""
    _be_quick()
    _decode(load_model(find_model("tiny"), "cpu"), copy_task(samples), Path(out), k=2)


def _be_quick() -> None:
    """Finished answers go to the journal at once, and git (the revision, for the manifest) is not found."""
    run_module.FLUSH_SECONDS = 0.0
    os.environ["PATH"] = ""


def scripted_task(count: int) -> TaskData:
    samples = tuple(sample(index, f"p{index}") for index in range(count))
    return TaskData("test/scripted", "the same, however many", {}, samples)


def copy_task(count: int) -> TaskData:
    (spec,) = resolve(["waiting_line/copy"])
    samples = tuple(islice(generate(spec, samples=1000), count))
    return TaskData(spec.name, "the same, however many", {}, samples)


def _decode(denoiser: Any, task: TaskData, out: Path, k: int) -> None:
    sampler = make_sampler("confidence", {"k": k})
    options = EngineOptions()
    plan = make_plan([task], run_identity(denoiser, sampler, options, None, {}))
    decode_run(plan, _Logged(Engines(denoiser, sampler, options), out.parent), out, lambda *_: None)


class _Logged(LocalRunner):
    """Writes the id of each sample that is decoded, before its answer goes anywhere."""

    def __init__(self, engines: Engines, folder: Path):
        super().__init__(engines, 2)
        self.log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def run(self, samples: Sequence[Sample]) -> Iterator[Generation]:  # type: ignore[override]
        for generation in super().run(samples):
            os.write(self.log, f"{generation.sample.sample_id}\n".encode())
            yield generation


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder) and not path.endswith(LOG)


def _stop_before(number: int, folder: Path) -> None:
    """Kill this process before its file operation `number` below `folder` (open, rename, remove, sync)."""
    left, sync = number, os.fsync

    def count() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def seen(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FILE_EVENTS and _is_below(str(arguments[0]), str(folder)):
            count()

    def synced(handle: int) -> None:
        count()
        sync(handle)

    os.fsync = synced
    sys.addaudithook(seen)
