"""Where a run took place: Python, package versions, git revision of pbench, hardware.

For run manifests; never in samples files, which are the same wherever they are built. It names
neither host nor user nor any path.
"""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pbench

__all__ = ["environment"]

_PACKAGES = (
    "numpy", "orjson", "pyarrow", "safetensors", "tokenizers", "torch", "transformers",
    "accelerate", "peft", "vllm", "ray", "anthropic", "openai", "harper-py", "language-tool-python",
    "rouge-score", "sacrebleu", "bert-score",
)  # fmt: skip
_GIT_SECONDS = 5


def environment() -> dict[str, Any]:
    """What of this machine and installation may matter to a result; never fails.

    Packages that are not installed are left out; what cannot be found out is null.
    """
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "packages": _versions(),
        "git": _git_revision(),
        "hardware": {
            "cpus": _usable_cpus(),
            "cpu_model": _cpu_model(),
            "memory_bytes": _memory_bytes(),
        },
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _git_revision() -> dict[str, Any] | None:
    """Commit of the checkout that this package lies in, and whether tracked files differ from it.

    None for an installed package, also where a virtual environment lies in another's checkout.
    """
    root = Path(pbench.__file__).resolve().parent.parent
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root:
        return None
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return None if commit is None else {"commit": commit, "dirty": None if changes is None else changes != ""}


def _git(folder: Path, *arguments: str) -> str | None:
    # A hook's GIT_DIR would point at another repository.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_SECONDS,
            check=True,
            env=variables,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _usable_cpus() -> int | None:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count()


def _cpu_model() -> str | None:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or None


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
