"""Format strings, templates and markup in prompts and answers are text, from the suite to the report.

tests/tasks/test_template.py has the prompts' own braces, tests/report/test_html.py the page.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pbench.artifacts import read_rows, write_artifact
from pbench.cli import app as root
from pbench.models.chat import CHATML, LLAMA3, Chat
from pbench.records import Generation
from tests.scripted import sample

TRICKS = (
    "{0.__class__.__mro__} {messages} {{ 7 * 7 }} {% for x in y %} {# no #} %s %(a)s %n ${HOME} $(id) `id` "
    "\\x41 \\u0041 [bold]x[/bold] <script>alert(1)</script> \\input{/etc/passwd} =1+1"
)


@pytest.mark.parametrize("form", [CHATML, LLAMA3], ids=["chatml", "llama3"])
def test_a_chat_template_shows_them_as_they_are(form) -> None:
    chat = Chat(form.template, {"bos_token": "<s>"}, form.generation_prompt, "here")
    text = chat.render([{"role": "user", "content": TRICKS}])
    assert TRICKS in text
    assert "49" not in text


def test_the_commands_show_them_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    row = Generation(
        sample=sample(0, TRICKS),
        status="error",
        gen_length=8,
        error=TRICKS,
        error_kind=TRICKS,
        output_text=TRICKS,
    )
    manifest = {
        "tasks": {"test/scripted": {"category": "c", "metric": "list_match", "headline": "score"}},
        "command": [TRICKS],
    }
    write_artifact(Path("a.parquet"), "generations", [row], manifest)
    assert root._run(["show", "a.parquet"]) == 0
    assert root._run(["score", "a.parquet"]) == 3
    said = capsys.readouterr()
    assert "{0.__class__.__mro__} {messages} {{ 7 * 7 }}" in said.out
    assert "49" not in said.out + said.err
    (scored,) = read_rows(Path("a.scores.parquet"), "scores")
    assert scored.output_text == TRICKS
    assert TRICKS in scored.reasons["score"]
