"""Each kind of failure on answers written by hand."""

import pytest

from pbench.metrics.registry import METRICS
from pbench.report.failure_kinds import (
    KINDS,
    LIST_METRICS,
    TEXT_METRICS,
    ListQuestion,
    failure,
    list_failure,
    text_failure,
)

PEOPLE = ["Ann Lee", "Tom Fox", "Eve Ray"]
PROMPT = 'Reverse this list: ["Ann Lee", "Tom Fox", "Eve Ray"]'


def quoted(*items):
    return '["' + '", "'.join(items) + '"]'


REVERSED = ListQuestion.of("list_match", PEOPLE[::-1], PROMPT)
SHUFFLED = ListQuestion.of("list_shuffle", {"input": PEOPLE}, PROMPT)
INSERTED = ListQuestion.of("list_random_insert", {"input": PEOPLE, "word": "Max Orr"}, PROMPT)
REMOVED = ListQuestion.of("list_random_remove", {"input": PEOPLE}, PROMPT)
REPLACED = ListQuestion.of("list_random_replace", {"input": PEOPLE, "word": "Max Orr"}, PROMPT)


@pytest.mark.parametrize(
    ("question", "text", "kind"),
    [
        (REVERSED, "", "unparsable"),
        (REVERSED, "I cannot do that, sorry", "unparsable"),
        (REVERSED, "[]", "unparsable"),
        (REVERSED, "[ ]", "unparsable"),
        (REVERSED, "Eve Ray, Tom Fox, Ann Lee]", "unparsable"),
        (REVERSED, '["Eve Ray", "Tom', "unparsable"),
        (REVERSED, quoted(*PEOPLE), "identical"),
        (REVERSED, quoted("Eve Ray", "Tom Fox"), "count"),
        (REVERSED, quoted(*PEOPLE[::-1], "Ann Lee"), "count"),
        (REVERSED, quoted("Eve Ray", "Eve Ray", "Ann Lee"), "repeated"),
        (REVERSED, quoted("Eve Ray", "Tom Lee", "Ann Fox"), "swap"),
        (REVERSED, quoted("Eve Ray", "Tom Orr", "Ann Lee"), "foreign"),
        (REVERSED, quoted("Eve Ray", "Max Fox", "Ann Lee"), "foreign"),
        (REVERSED, quoted("Eve Ray", "Tom", "Ann Lee"), "foreign"),
        (REVERSED, quoted("Eve Ray", "Ann Lee", "Tom Fox"), "order"),
        (SHUFFLED, quoted(*PEOPLE), "identical"),
        (SHUFFLED, quoted("Tom Fox", "Tom Fox", "Eve Ray"), "repeated"),
        (INSERTED, quoted(*PEOPLE), "identical"),
        (INSERTED, quoted("Max Orr", "Tom Fox", "Ann Lee", "Eve Ray"), "order"),
        (INSERTED, quoted("Max Orr", "Max Orr", "Ann Lee", "Eve Ray"), "repeated"),
        (REMOVED, quoted("Tom Fox", "Ann Lee"), "order"),
        (REMOVED, quoted("Ann Lee"), "count"),
        (REPLACED, quoted("Tom Fox", "Ann Lee", "Eve Ray"), "missing"),
        (REPLACED, quoted("Max Orr", "Ann Lee", "Eve Ray"), "order"),
    ],
)
def test_lists(question, text, kind):
    assert list_failure(text, question) == kind


def test_a_wrong_person_removed_is_a_missing_item():
    removed_first = ListQuestion.of("list_match", PEOPLE[1:], PROMPT)
    assert list_failure(quoted("Ann Lee", "Eve Ray"), removed_first) == "missing"


@pytest.mark.parametrize(
    ("text", "values", "kind"),
    [
        ("  ", {"grammar_score": 0.0}, "unparsable"),
        ("He went to to the shop.", {"grammar_score": 0.0}, "repeated_word"),
        ("The the dog ran.", {"grammar_score": 0.0}, "repeated_word"),
        ("All that that man had had.", {"grammar_score": 0.0}, "grammar"),
        ("He ate a apple.", {"grammar_score": 0.0}, "article"),
        ("She is an singer.", {"grammar_score": 0.0}, "article"),
        ("It took an hour at a university, a European one, with an heir.", {"grammar_score": 0.0}, "grammar"),
        ("An umbrella and an uninteresting use.", {"grammar_score": 0.0}, "grammar"),
        ("She is an MRI and an MP.", {"grammar_score": 0.0}, "grammar"),
        ("It is a X.", {"grammar_score": 0.0}, "article"),
        ("He ate a apple.", {"grammar_score": 1.0}, None),
        ("The dog run.", {"grammar_score": 0.0, "inclusion_score": 1.0}, "grammar"),
        ("The dog runs.", {"grammar_score": 1.0, "inclusion_score": 0.0}, "missing_word"),
        ("The dog runs.", {"grammar_score": 1.0, "inclusion_score": 1.0}, None),
        ("We said so, so we go.", {"grammar_score": 1.0}, None),
        ("He ate a apple.", {"grammar_score": None}, "article"),
        ("He ate.", {"grammar_score": None}, None),
        ("He ate.", {"grammar_score": 1.0, "startswith_score": 0.0}, "other"),
    ],
)
def test_texts(text, values, kind):
    assert text_failure(text, values) == kind


def test_only_wrong_answers_fail_and_other_tasks_have_no_names():
    assert failure("list_match", quoted(*PEOPLE), {"score": 1.0}, "score", REVERSED) is None
    assert failure("list_match", quoted(*PEOPLE), {"score": None}, "score", REVERSED) is None
    assert failure("list_match", quoted(*PEOPLE), {"score": 0.0}, "score", None) is None
    assert failure("sudoku", "1234", {"score": 0.0}, "score", None) == "other"
    assert failure("sudoku", " ", {"score": 0.0}, "score", None) == "unparsable"


def test_kinds_and_metrics_exist():
    assert len({kind.id for kind in KINDS}) == len(KINDS)
    assert set(METRICS.names()) >= LIST_METRICS | TEXT_METRICS
