from __future__ import annotations

import getpass
import json
import platform
import socket
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

import pbench
from pbench.artifacts import environment
from tests.artifacts.conftest import python


def leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    return [value]


def test_it_names_python_packages_and_hardware() -> None:
    found = environment()
    assert found["python"] == platform.python_version()
    assert found["packages"]["pyarrow"] == version("pyarrow")
    assert found["hardware"]["cpus"] >= 1
    assert found["hardware"]["memory_bytes"] > 1_000_000
    assert json.loads(json.dumps(found)) == found


def test_it_names_neither_host_nor_user_nor_paths() -> None:
    texts = [leaf for leaf in leaves(environment()) if isinstance(leaf, str)]
    assert not {socket.gethostname(), getpass.getuser()} & set(texts)
    assert not [text for text in texts if text.startswith("/") or str(Path.home()) + "/" in text]


def git(folder: Path, *arguments: str) -> str:
    who = [
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@x",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "core.hooksPath=/dev/null",
    ]
    done = subprocess.run(["git", "-C", folder, *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch) -> Path:
    """A git repository whose tracked package `pbench` is taken for ours."""
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    module = tmp_path / "pbench" / "__init__.py"
    module.parent.mkdir()
    module.write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "x")
    monkeypatch.setattr(pbench, "__file__", str(module))
    return tmp_path


def test_the_revision_of_a_checkout(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    assert environment()["git"] == {"commit": commit, "dirty": False}
    (checkout / "pbench" / "__init__.py").write_text("x = 1")
    assert environment()["git"] == {"commit": commit, "dirty": True}


def test_a_hooks_variables_do_not_lead_elsewhere(checkout: Path, monkeypatch) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(checkout / "elsewhere"))
    assert environment()["git"]["commit"] == commit


def test_an_installation_inside_anothers_checkout_has_no_revision(checkout: Path, monkeypatch) -> None:
    installed = checkout / ".venv" / "pbench" / "__init__.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("")
    monkeypatch.setattr(pbench, "__file__", str(installed))
    assert environment()["git"] is None


def test_without_git_there_is_no_revision(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert environment()["git"] is None


def test_importing_and_asking_imports_no_heavy_package() -> None:
    program = """
import sys
import pbench.artifacts
pbench.artifacts.environment()
print([name for name in ("torch", "transformers", "pyarrow", "numpy", "pydantic") if name in sys.modules])
"""
    with python(program, stdout=subprocess.PIPE) as process:
        assert process.communicate()[0] == "[]\n"
