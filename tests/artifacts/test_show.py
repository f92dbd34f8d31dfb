from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pbench.artifacts import read_manifest, write_artifact
from pbench.cli import show
from pbench.errors import ArtifactError
from tests.artifacts.conftest import make_sample

app = typer.Typer(rich_markup_mode=None)
show.register(app)


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_show_prints_the_manifest_and_nothing_else(options: list[str], ending: str, tmp_path: Path) -> None:
    path = write_artifact(tmp_path / f"a.{ending}", "samples", [make_sample(0)], {"task": "a/\x1b[31m"})
    done = CliRunner().invoke(app, [str(path), *options])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == read_manifest(path)
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_show_leaves_the_table_of_token_texts_to_json(tmp_path: Path) -> None:
    manifest = {"tokens": {"texts": {"5": "a", "6": "b"}, "special": {"eos": 2}}}
    path = write_artifact(tmp_path / "a.parquet", "samples", [make_sample(0)], manifest)
    plain, whole = (CliRunner().invoke(app, [str(path), *options]) for options in ([], ["--json"]))
    assert json.loads(plain.stdout)["tokens"] == "2 token texts; --json shows them"
    assert json.loads(whole.stdout)["tokens"] == manifest["tokens"]


def test_show_of_no_artifact_is_an_artifact_error(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [str(tmp_path)])
    assert isinstance(done.exception, ArtifactError)
    assert done.exception.exit_code == 4
