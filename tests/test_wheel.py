"""The built wheel carries everything: tasks, texts, the bundled model; no file of the checkout is needed."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=inherited | environment,  # without PYTHONPATH, which could lead to a checkout
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv with the wheel in it, without dependencies; it sees the outer one's packages."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    inner = folder / "venv" / "bin" / "python"
    site = run(inner, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    Path(site, "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", inner, "--disable-pip-version-check", "install"]
    run(*pip, "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    return inner


def test_the_wheel_builds_tasks_and_decodes(python: Path, tmp_path: Path) -> None:
    where = run(python, "-c", "import pbench; print(pbench.__file__)", cwd=tmp_path)
    assert str(ROOT / "pbench") not in where
    built = run(
        python, "-m", "pbench", "tasks", "build", "--all", "--samples", "3", cwd=tmp_path
    ).splitlines()
    assert len(built) > 100
    assert all((tmp_path / path).is_file() for path in built)
    command = ["decode", "--tasks", "copy", "--limit", "2", "--k", "8"]
    path = run(python, "-m", "pbench", *command, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path)).strip()
    scored = run(python, "-m", "pbench", "score", path, cwd=tmp_path).strip()
    assert (tmp_path / scored).is_file()
