"""Where a decode run's samples come from: a data folder, else built on the fly into the cache."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pbench.cli import console
from pbench.errors import ArtifactError, PbenchError

if TYPE_CHECKING:
    from pbench.decode.data import TaskData
    from pbench.tasks import TaskSpec

__all__ = ["benchmark_names", "cache_folder", "load_tasks", "names_of"]

DEFAULT_DATA = Path("data")


def cache_folder() -> Path:
    """The user's cache folder of pbench (XDG_CACHE_HOME, else ~/.cache)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pbench"


def benchmark_names() -> list[str]:
    """The 17 tasks of the benchmark."""
    from pbench.tasks import DEFAULT_SUITE, resolve

    return [spec.name for spec in resolve([DEFAULT_SUITE])]


def names_of(wanted: Sequence[str], available: Sequence[str]) -> list[str]:
    """Full names of tasks and suites given on the command line; what lies in the data folder wins."""
    from pbench.decode.data import choose
    from pbench.tasks import resolve

    names: list[str] = []
    for name in wanted:
        try:
            shipped = [spec.name for spec in resolve([name])]
        except PbenchError:
            shipped = []
        names += shipped or choose([name], _related(name, [*available, *benchmark_names()]))
    return list(dict.fromkeys(names))


def _related(name: str, names: Sequence[str]) -> list[str]:
    """Of `names` those that `name` may mean; of a shipped suite, where it names one, all."""
    from pbench.tasks import resolve

    group, slash, _ = name.partition("/")
    try:
        shipped = [spec.name for spec in resolve([group])] if slash else []
    except PbenchError:
        shipped = []
    ours = [each for each in names if each.startswith(f"{group}/")]
    return [*ours, *shipped] if shipped else list(names)


def found_tasks(folder: Path | None) -> dict[str, Path]:
    """Samples files by task name in `folder` (default ./data where it exists)."""
    from pbench.decode.data import find_tasks

    if folder is None:
        return find_tasks(DEFAULT_DATA) if DEFAULT_DATA.is_dir() else {}
    if not folder.is_dir():
        raise ArtifactError(
            f"{folder}: there is no such folder; `pbench tasks build --out {folder}` makes it"
        )
    found = find_tasks(folder)
    if not found:
        raise ArtifactError(f"{folder}: holds no samples; `pbench tasks build --out {folder}` writes them")
    return found


def load_tasks(names: Sequence[str], found: dict[str, Path]) -> list[TaskData]:
    """The samples of each task; what is not in the data folder is built into the cache."""
    from pbench.decode.data import read_task
    from pbench.tasks import resolve

    missing = [name for name in names if name not in found]
    paths = dict(found)
    if missing:
        if found:
            console.note(f"not in the data folder, so taken from our own suites: {', '.join(missing)}")
        specs = resolve(missing)
        built = _built(specs, cache_folder() / "data")
        paths |= dict(zip((spec.name for spec in specs), built, strict=True))
    return [read_task(paths[name]) for name in names]


def _built(specs: Sequence[TaskSpec], folder: Path) -> list[Path]:
    """The tasks built below `folder`; where that is read-only, what was built there if it is the same."""
    from pbench.artifacts import read_manifest
    from pbench.tasks import build, describe

    try:
        return build(specs, folder, "test", None)
    except OSError:
        paths = [folder.joinpath(*spec.name.split("/")).with_suffix(".parquet") for spec in specs]
        for path, now in zip(paths, describe(specs), strict=True):
            if not path.is_file() or read_manifest(path).get("content_hash") != now["hash"]:
                raise
    console.note(f"{folder}: cannot be written to; the tasks that are there are used")
    return paths
