"""The machine: processors and memory, GPUs, room to write, the way to the hub."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from pbench.doctor.finding import Finding

__all__ = ["gpus", "hub", "places", "processors", "threads"]

_GB = 1e9
_LITTLE_BYTES = 1e9
_SECONDS = 3.0
_BUSY = 0.75  # of the cores, by the load average of the last minute


def processors() -> Iterator[Finding]:
    """Cores and memory."""
    from pbench.artifacts import environment

    about = environment()
    hardware = about["hardware"]
    memory = hardware["memory_bytes"]
    size = "unknown" if memory is None else f"{memory / _GB:.1f} GB"
    cores = f"{hardware['cpus']} cores ({hardware['cpu_model'] or 'unknown'})"
    yield Finding("machine", "ok", f"{cores}, {size} of memory, {about['platform']}")


def threads() -> Iterator[Finding]:
    """Whether torch's threads would wait for cores that others are using."""
    import torch

    from pbench.processes import cores

    count, there = torch.get_num_threads(), cores()
    try:
        load = os.getloadavg()[0]
    except (AttributeError, OSError):
        yield Finding("threads", "ok", f"torch takes {count} on the CPU")
        return
    found = f"torch takes {count} on the CPU, the load average is {load:.1f} on {there} cores"
    if count == 1 or load <= _BUSY * there:
        yield Finding("threads", "ok", found)
        return
    # Measured on two cores, two threads beside other busy processes.
    slow = "threads that wait for a core hold up the others: small models get slower, measured up to 16 times"
    mend = "export OMP_NUM_THREADS=1 as long as the other work runs (then --workers for more cores)"
    yield Finding("threads", "note", f"{found}; {slow}", mend)


def gpus() -> Iterator[Finding]:
    """CUDA devices; without one the models of the catalogue are slow."""
    import torch

    count = torch.cuda.device_count()
    for index in range(count):
        free, total = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        yield Finding(f"cuda:{index}", "ok", f"{name}, {free / _GB:.1f} of {total / _GB:.1f} GB free")
    if not count:
        yield _no_gpu(torch.version.cuda)


def _no_gpu(built_for: str | None) -> Finding:
    slow = "no CUDA device: decoding runs on the CPU, which does for `tiny` and not for models of billions"
    if shutil.which("nvidia-smi") is None:
        return Finding("gpu", "note", slow)
    why = (
        "this torch is built without CUDA"
        if built_for is None
        else f"torch (CUDA {built_for}) does not see it"
    )
    mend = "install a torch for your driver's CUDA (https://pytorch.org/get-started/locally); see nvidia-smi"
    return Finding("gpu", "limited", f"{slow}; there is a driver, but {why}", mend)


def places(cache: Path) -> Iterator[Finding]:
    """Folders that pbench writes to."""
    yield _place("working folder", Path.cwd(), "name another place: --out")
    yield _place("cache", cache, "set XDG_CACHE_HOME to a folder that you may write to")
    yield _place(
        "temporary files", Path(tempfile.gettempdir()), "set TMPDIR to a folder that you may write to"
    )
    yield _place("models", _model_cache(), "set HF_HOME to a folder that you may write to")


def _model_cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _place(name: str, folder: Path, elsewhere: str) -> Finding:
    """Whether an artifact can be written below `folder` (made when it is needed), under a lock that holds."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    try:
        why = _why_not_written(existing)
    except OSError as error:
        why = f"cannot be written to: {error.strerror}"
    if why is not None:
        return Finding(name, "limited", f"{folder}: {why}", elsewhere)
    free = shutil.disk_usage(existing).free
    found = f"{folder}: {free / _GB:.1f} GB free"
    if free < _LITTLE_BYTES:
        return Finding(name, "limited", found, f"make room, or {elsewhere}")
    return Finding(name, "ok", found)


def _why_not_written(existing: Path) -> str | None:
    from pbench.artifacts import atomic_text, run_lock
    from pbench.errors import LockedError

    with tempfile.TemporaryDirectory(prefix=".pbench-doctor-", dir=existing) as made:
        file = Path(made) / "file"
        with run_lock(file):
            atomic_text(file, "written")
            try:
                with run_lock(file):
                    return "locks do not keep others out on this file system; let one process at a time write"
            except LockedError:
                return None


def hub() -> Iterator[Finding]:
    """Whether checkpoints and data sets can be fetched."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        found = "offline, as HF_HUB_OFFLINE says: only what is in the cache can be had"
        yield Finding("hub", "note", found)
        return
    why = _why_no_answer(constants.ENDPOINT)
    if why is None:
        yield Finding("hub", "ok", f"{constants.ENDPOINT} answers")
        return
    yield Finding(
        "hub",
        "limited",
        f"{constants.ENDPOINT} does not answer ({why}): only what is in the cache can be had",
        "give folders (--model FOLDER), or a mirror (HF_ENDPOINT); HF_HUB_OFFLINE=1 spares the waiting",
    )


def _why_no_answer(address: str) -> str | None:
    request = urllib.request.Request(address, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS):
            return None
    except urllib.error.HTTPError:
        return None  # it answers
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def java_version() -> str | None:
    """The first line of `java -version`; None where there is no Java that runs."""
    try:
        done = subprocess.run(
            ["java", "-version"], capture_output=True, text=True, errors="replace", timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter((done.stderr or done.stdout).splitlines()), "runs")
