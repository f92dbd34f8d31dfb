"""Plug-ins that do not load, end the program, print, or are something else: nothing but they is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pbench.cli import app as root
from pbench.doctor.stages import plugins
from pbench.metrics import METRICS
from pbench.samplers import SAMPLERS
from tests.faults.conftest import in_process

MODULES = {
    "fault_missing": "import no_such_module_at_all\n",
    "fault_syntax": "def (:\n",
    "fault_exit": "import sys\nsys.exit(0)\n",
    "fault_loud": "print('I am here')\nthing = 7\n",
}
POINTS = {
    "missing": "fault_missing:thing",
    "syntax": "fault_syntax:thing",
    "exit": "fault_exit:thing",
    "nothing": "fault_loud:nothing",
    "number": "fault_loud:thing",
}


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str) -> Iterator[None]:
    """A distribution whose every entry point is broken in a way of its own."""
    in_process(tmp_path, monkeypatch, cache)
    for registry in (SAMPLERS, METRICS):
        registry.names()
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    info = tmp_path / "broken_things-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-things\nVersion: 1.0\n")
    lines = []
    for group in ("samplers", "metrics", "models"):
        lines += [f"[pbench.{group}]", *(f"bad-{name} = {target}" for name, target in POINTS.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for registry in (SAMPLERS, METRICS):
        monkeypatch.setattr(registry, "_foreign", None)
        monkeypatch.setattr(registry, "_known", dict(registry._known))
        monkeypatch.setattr(registry, "broken", {})
    yield
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("command", "ours", "named"),
    [
        (["samplers", "list"], "threshold", 5),
        (["score", "--list"], "list_match", 5),
        (["models", "list"], "tiny", 0),
        (["models", "check", "tiny"], "threshold", 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_lists_name_ours_and_say_what_is_broken(
    capsys: pytest.CaptureFixture[str], command: list[str], ours: str, named: int
) -> None:
    assert root._run(command) == 0
    said = capsys.readouterr()
    assert ours in said.out
    assert "I am here" not in said.out
    assert said.err.count("warning: ") == named


def test_stages_work_beside_them(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["decode", "--tasks", "copy", "--limit", "1", "--k", "32", "--out", "a.parquet"]
    assert root._run(command) == 0
    assert root._run(["score", "a.parquet"]) == 0
    assert capsys.readouterr().out == "a.parquet\na.scores.parquet\n"


@pytest.mark.parametrize("name", POINTS)
def test_asking_for_a_broken_one_says_why(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert root._run(["decode", "--sampler", f"bad-{name}", "--tasks", "copy"]) == 2
    said = capsys.readouterr()
    assert f"bad-{name}" in said.err
    assert POINTS[name] in said.err
    assert said.out == ""


def test_doctor_names_each_and_its_package() -> None:
    found = list(plugins())
    assert len(found) == 3 * len(POINTS)
    assert {finding.state for finding in found} == {"limited"}
    assert all("broken-things" in (finding.mend or "") for finding in found)
