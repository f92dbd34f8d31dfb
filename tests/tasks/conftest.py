"""Helpers: a suite file from a few lines of YAML."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

HEAD = """\
defaults:
  category: waiting_line
  words: alphabet
  min_length: 3
  max_length: 4
  gen_length: 32
tasks:
"""

WriteSuite = Callable[..., Path]


@pytest.fixture
def write_suite(tmp_path: Path) -> WriteSuite:
    """write(tasks_yaml, head=..., name="own") -> path of the suite file."""

    def write(tasks: str, head: str = HEAD, name: str = "own") -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(head + tasks, encoding="utf-8")
        return path

    return write
