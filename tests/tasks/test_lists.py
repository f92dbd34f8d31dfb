"""List tasks: how many different questions of a few words there are, counted and drawn."""

from __future__ import annotations

import pytest

from pbench.errors import UsageError
from pbench.tasks import content_key, generate, load_suite, worked
from tests.tasks.conftest import WriteSuite


@pytest.mark.parametrize(
    ("options", "prompt", "room"),
    [
        ("type: copy", "{context}", 6),  # two of three words in order
        ("type: shuffle", "{context}", 6),
        ("type: remove", "{context} {index}", 6 * 2),
        ("type: remove, random_index: true", "{context}", 6),
        ("type: insert", "{context} {word} {index}", 6 * 3),  # before either or at the end
        ("type: insert, random_index: true", "{context} {word}", 6),
        ("type: replace", "{context} {word} {index}", 6 * 2),
        ("type: repeat, repeat_type: each, repeat_counts: [2, 3, 3]", "{context} {count}", 6 * 2),
    ],
)
def test_all_questions_of_three_words_can_be_had_and_no_more(
    write_suite: WriteSuite, options: str, prompt: str, room: int
):
    text = f"  c: {{{options}, words: [a, b, c], lengths: [2], prompt: '{prompt}'}}\n"
    spec = load_suite(write_suite(text)).tasks[0]
    assert len({content_key(sample) for sample in generate(spec, samples=room)}) == room
    with pytest.raises(UsageError, match=f"{room} are available"):
        next(generate(spec, samples=room + 1))


def test_a_worked_example_that_ends_in_a_wrong_answer_is_refused(monkeypatch: pytest.MonkeyPatch):
    spec = load_suite("chain_of_thought").tasks[0]
    monkeypatch.setattr(worked, "explain", lambda steps, answer: f'I guess.\nThe answer is: ["{steps.kind}"]')
    with pytest.raises(UsageError, match="a worked example ends in a wrong answer: "):
        next(generate(spec))
