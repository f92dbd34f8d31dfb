"""docs/reliability.md and SECURITY.md promise what there is."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
SECURITY = ROOT / "SECURITY.md"
NAMED = re.findall(r"`(tests/\S+?\.py)::(\w+)`", PAGE.read_text(encoding="utf-8"))


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_each_test_that_is_named_exists(path: str, name: str) -> None:
    assert name in names_in(path)


def test_each_promise_names_a_test() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    promises = [line for line in rows if not line.startswith("| promise")]
    assert len(promises) > 30
    assert [line for line in promises if not re.search(r"`tests/\S+?\.py::\w+`", line)] == []


def test_each_fault_test_is_on_the_page() -> None:
    here = {
        (f"tests/faults/{path.name}", name)
        for path in Path(__file__).parent.glob("test_*.py")
        for name in names_in(f"tests/faults/{path.name}")
        if name.startswith("test_") and path != Path(__file__)
    }
    assert {name for each in here - set(NAMED) for name in each[1:]} <= {
        "test_doctor_names_each_and_its_package"
    }


def test_links_of_the_security_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", SECURITY.read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target


def test_a_manifest_names_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """What SECURITY.md says of environment variables."""
    from pbench.artifacts import environment

    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert "hf_secret" not in str(environment())
