"""Folders and command lines of the fault suite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pbench.cli import app as root
from tests.forks import Said, finish, pbench, said

Run = Callable[..., Said]

if not root.app.registered_commands:
    root._register()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run("decode", "--k", "4")`: the command line in tmp_path, or as another child of children.py."""

    def command(*arguments: str, child: Callable[..., None] = pbench, **variables: str) -> Said:
        return said(tmp_path, finish(child, arguments, str(tmp_path), **variables))

    return command


def files(folder: Path) -> list[str]:
    """Names of all files below `folder`, but for caches and what the command said."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return sorted(str(path) for path in found if path.parts[0] not in ("cache", "out", "err"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A user cache in which the tasks that the suite asks for have been built."""
    folder = tmp_path_factory.mktemp("built")
    arguments = ["decode", "--tasks", "copy,shuffle", "--limit", "1", "--k", "32"]
    code = finish(pbench, arguments, str(folder))
    assert code == 0, said(folder, code)
    return str(folder / "cache")


def in_process(folder: Path, monkeypatch: pytest.MonkeyPatch, cache: str) -> None:
    """Command lines of this process run in `folder`, on tasks that have been built."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
