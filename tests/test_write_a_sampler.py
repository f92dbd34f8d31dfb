"""docs/write-a-sampler.md, taken at its word: its package is installed, its commands and tests are run."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbench.artifacts import read_manifest
from pbench.cli import app as root
from pbench.samplers import SAMPLERS

PAGE = Path(__file__).parents[1] / "docs" / "write-a-sampler.md"
NAME = "leftmost-sure"

root._register()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def installed(tmp_path, monkeypatch) -> Iterator[Path]:
    """The page's files as an installed distribution in a folder of its own."""
    SAMPLERS.names()  # our own are registered, and entry points read, before the page's come and go
    module, tests = blocks("python")
    (tmp_path / "leftmost_sure.py").write_text(module, encoding="utf-8")
    (tmp_path / "leftmost_sure_checks.py").write_text(tests, encoding="utf-8")
    project = tomllib.loads(blocks("toml")[0])["project"]
    info = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(SAMPLERS, "_foreign", None)
    monkeypatch.setattr(SAMPLERS, "_known", dict(SAMPLERS._known))
    yield tmp_path
    for module_name in ("leftmost_sure", "leftmost_sure_checks"):
        sys.modules.pop(module_name, None)


def test_the_commands_find_and_run_it(installed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    show, decode = [line.split() for line in blocks("console")[0].splitlines()]
    assert root._run(show[1:]) == 0
    shown = capsys.readouterr().out
    assert "--gamma number >= 0, <= 2 (required): go on while confidence >= gamma" in shown
    assert "up to the first one with confidence below gamma" in shown
    assert "left-to-right at a gamma that nothing reaches" in shown
    assert root._run(decode[1:]) == 0
    manifest = read_manifest(tmp_path / capsys.readouterr().out.strip())
    assert manifest["identity"]["sampler"] == {
        "name": NAME,
        "options": {"gamma": 0.9},
        "given": {"gamma": 0.9},
    }
    assert manifest["counts"] == {"ok": 2}


def test_its_own_tests_hold(installed):
    checks = importlib.import_module("leftmost_sure_checks")
    found = [thing for name, thing in inspect.getmembers(checks) if name.startswith("test_")]
    assert len(found) == 2
    for check in found:
        check()


def test_it_is_about_thirty_lines(installed):
    assert len((installed / "leftmost_sure.py").read_text().splitlines()) <= 36


def test_the_list_names_it_and_nothing_of_it_is_left_without_it(installed, monkeypatch, capsys):
    assert root._run(["samplers", "list"]) == 0
    assert NAME in capsys.readouterr().out
    monkeypatch.undo()
    assert NAME not in SAMPLERS.names()
