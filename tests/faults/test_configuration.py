"""YAML that means harm or says too much, through the commands that read it.

tests/test_config.py has the reader itself: bombs, tags, duplicate keys, aliases, depth, `no`, `1e-3`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pbench.cli import app as root

SWEEP = "tasks: [copy]\nmatrix:\n  model: tiny\n  sampler: {name: confidence, k: 4}\n"
BOMB = "".join(f"a{i}: &a{i} [{'x' if i == 0 else f'*a{i - 1}, *a{i - 1}'}]\n" for i in range(40))
BAD = {
    "a bomb": (BOMB, "aliases"),
    "a tag": ("tasks: !!python/object/apply:os.system [ls]\n", "tag"),
    "a key twice": ("tasks: [copy]\ntasks: [sort]\n", "twice"),
    "a date": ("tasks: 2026-11-22\n", "tag"),
    "a merge": ("tasks: {<<: {a: 1}}\n", ""),
    "NUL": ("tasks: 'a\0b'\n", "bad YAML"),
    "a control character": ("tasks: \x1b[31m\n", "bad YAML"),
    "another document": (SWEEP + "---\n" + SWEEP, "bad YAML"),
    "UTF-16": (SWEEP.encode("utf-16"), "UTF-8"),
    "far too long": ("#" * 4_100_000, "larger than 4 MB"),
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("command", [["sweep"], ["tasks", "build"], ["tasks", "check"]], ids=" ".join)
def test_one_error_that_names_the_file(
    command: list[str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text, words = BAD[name]
    Path("file.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert root._run([*command, "file.yaml"]) == 2
    said = capsys.readouterr()
    errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "file.yaml" in errors[0]
    assert words in errors[0]
    assert not Path("runs").exists()


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read_to_its_end(device: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file.yaml").symlink_to(device)
    assert root._run(["sweep", "file.yaml"]) == 2
    assert "file.yaml" in capsys.readouterr().err


def test_words_and_numbers_are_those_of_yaml_1_2(capsys: pytest.CaptureFixture[str]) -> None:
    """`no` is a name and no truth value, `1e-1` a number, `010` ten."""
    sweep = SWEEP.replace("model: tiny", "model: no").replace("k: 4}", "k: 010}")
    Path("file.yaml").write_text(sweep + "  temperature: 1e-1\n")
    assert root._run(["sweep", "file.yaml", "--model", "tiny", "--dry-run"]) == 0
    assert (
        root._run(["sweep", "file.yaml", "--model", "tiny", "--dry-run", "--only", "k=10,temperature=0.1"])
        == 0
    )
    assert root._run(["sweep", "file.yaml"]) in (2, 3)
    assert "'no'" in capsys.readouterr().err
