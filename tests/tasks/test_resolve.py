"""Names as people type them."""

from __future__ import annotations

import pytest

from pbench.errors import UsageError
from pbench.tasks import load_suite, resolve


def names(*asked: str) -> list[str]:
    return [spec.name for spec in resolve(asked)]


def test_suites_tasks_and_short_names():
    assert len(names("benchmark")) == 17
    assert names("waiting_line/copy") == ["waiting_line/copy"]
    assert names("waiting_line_n15/copy") == ["waiting_line_n15/copy"]
    assert names("copy", "samsum", "easy") == [
        "waiting_line/copy",
        "paraphrase_summarize/samsum",
        "words_to_sentence/easy",
    ]
    assert names("domino") == ["extras/domino"]
    assert names("puzzle") == ["puzzle/latin_square_n4", "puzzle/sudoku_n4_12"]


def test_each_task_once_in_the_order_asked():
    found = names("shuffle", "waiting_line", "copy")
    assert found[:2] == ["waiting_line/shuffle", "waiting_line/copy"]
    assert len(found) == 10


def test_files_and_given_suites(write_suite):
    path = write_suite(
        "  copy: {type: copy, prompt: '{context}'}\n  rev: {type: reverse, prompt: '{context}'}\n"
    )
    assert names(str(path), "sort") == ["own/copy", "own/rev", "waiting_line/sort"]
    suite = load_suite(path)
    assert [spec.name for spec in resolve(["rev"], [suite])] == ["own/rev"]
    assert [spec.name for spec in resolve(["waiting_line"], [suite])] == [
        "own/copy",
        "own/rev",
    ]  # the category


def test_a_short_name_of_two_tasks(write_suite):
    text = "  copy: {type: copy, prompt: '{context}'}\n"
    suites = [load_suite(write_suite(text, name=name)) for name in ("one", "two")]
    with pytest.raises(UsageError, match="'copy' is one of one/copy, two/copy; say which"):
        resolve(["copy"], suites)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("cpy", "'copy'"), ("waiting_lin", "'waiting_line'"), ("waiting_line/cpy", "'waiting_line/copy'")],
)
def test_unknown_names(name: str, hint: str):
    with pytest.raises(UsageError, match=rf"unknown task or suite '{name}' \(did you mean {hint}\?\)"):
        resolve([name])
