"""Forks of one prepared process: `start` a function of children.py, or a command line with `run`."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
_SECONDS = 120  # of patience with a slow machine; nothing here takes more than two of CPU

Start = Callable[..., BaseProcess]


class Said(NamedTuple):
    """What a command line ended with and said."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


Run = Callable[..., Said]


@pytest.fixture(scope="session")
def start() -> Iterator[Start]:
    """Start a function of tests.faults.children in a process of its own."""
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.children"])
    begun: list[BaseProcess] = []

    def begin(name: str, *arguments: Any, **options: Any) -> BaseProcess:
        from tests.faults import children

        target = getattr(children, name)
        process: BaseProcess = context.Process(target=target, args=arguments, kwargs=options, daemon=True)
        process.start()
        begun.append(process)
        return process

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # a fork has none of its parent's threads
        patch.setenv("PYTHONPATH", str(ROOT))
        begin("nothing").join(_SECONDS)
    yield begin
    for process in begun:
        if process.is_alive():
            process.kill()


@pytest.fixture
def run(start: Start, tmp_path: Path) -> Run:
    """`run("decode", "--k", "4")`: the command line in tmp_path, or as another child of children.py."""

    def command(*arguments: str, child: str = "pbench", **variables: str) -> Said:
        process = start(child, arguments, str(tmp_path), **variables)
        process.join(_SECONDS)
        assert process.exitcode is not None, "it does not end"
        return said(tmp_path, process.exitcode)

    return command


def said(folder: Path, code: int) -> Said:
    out, err = ((folder / name).read_bytes().decode(errors="replace") for name in ("out", "err"))
    return Said(code, out, err)


def files(folder: Path) -> list[str]:
    """Names of all files below `folder`, but for caches and what the command said."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return sorted(str(path) for path in found if path.parts[0] not in ("cache", "out", "err"))


@pytest.fixture(scope="session")
def cache(start: Start, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A user cache in which the tasks that the suite asks for have been built."""
    folder = tmp_path_factory.mktemp("built")
    arguments = ["decode", "--tasks", "copy,shuffle", "--limit", "1", "--k", "32"]
    process = start("pbench", arguments, str(folder))
    process.join(_SECONDS)
    assert process.exitcode == 0, said(folder, 0)
    return str(folder / "cache")


def in_process(folder: Path, monkeypatch: pytest.MonkeyPatch, cache: str) -> None:
    """Command lines of this process run in `folder`, on tasks that have been built."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
