"""What `--help` says at 80 columns: whole sentences, every option explained, and completion of the shell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from pbench.cli import app as root

if not root.app.registered_commands:
    root._register()


def commands() -> Iterator[tuple[str, Any]]:
    """Every command and group by its words, such as "tasks build"."""
    waiting: list[tuple[str, Any]] = [("", get_command(root.app))]
    while waiting:
        words, command = waiting.pop()
        yield words, command
        for name, part in getattr(command, "commands", {}).items():
            waiting.append((f"{words} {name}".strip(), part))


EVERY = sorted(commands())
NAMES = [words or "pbench" for words, _ in EVERY]


@pytest.mark.parametrize(("words", "command"), EVERY, ids=NAMES)
def test_help_is_whole_at_80_columns(capsys, monkeypatch, words, command):
    monkeypatch.setenv("COLUMNS", "80")
    assert root._run([*words.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    _, _, listed = shown.partition("\nCommands:\n")
    for line in listed.splitlines():
        assert re.fullmatch(r"  [a-z0-9-]+  +[A-Z].*\.", line), "a summary is one short sentence"


@pytest.mark.parametrize(("words", "command"), EVERY, ids=NAMES)
def test_every_parameter_is_explained(words, command):
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{words} {parameter.name}"
        assert parameter.help.endswith("."), f"{words} {parameter.name}"


@pytest.mark.parametrize(
    ("line", "offered"),
    [("pbench de", "decode"), ("pbench theory bo", "bounds"), ("pbench decode --eos st", "stop")],
)
def test_the_shell_completes_commands_options_and_values(capsys, monkeypatch, line, offered):
    monkeypatch.setenv("_PBENCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
    with pytest.raises(SystemExit):
        root._run([])
    assert capsys.readouterr().out.split() == [offered]
