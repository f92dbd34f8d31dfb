"""The theory's samples: their right answers are those that the theory lists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pbench.models.oracle_questions import read_question
from pbench.records import Generation
from pbench.theory.samples import right_answers, theory_samples
from pbench.theory.tasks import TASKS


def judged(sample, items):
    text = read_question(sample).write(items)
    answer = Generation(sample=sample, status="ok", output_text=text, gen_length=sample.gen_length)
    return right_answers([answer])[0]


@pytest.mark.parametrize("task", TASKS)
def test_listed_answers_are_right_and_others_wrong(task):
    n = TASKS[task].fixed_n or 4
    [sample] = theory_samples(task, n, 1)
    listed = [list(answer) for answer in TASKS[task].answers(n)]
    assert sample.gen_length == TASKS[task].positions(n) == len(listed[0])
    assert all(judged(sample, answer) for answer in listed[:50])
    assert not judged(sample, [0] * len(listed[0]))
    swapped = [listed[0][1], listed[0][0], *listed[0][2:]]
    assert judged(sample, swapped) == (swapped in listed)


def test_the_input_itself_is_an_order_in_one_of_the_two_shuffles():
    [any_order], [other] = theory_samples("shuffle", 4, 1), theory_samples("shuffle_other", 4, 1)
    assert judged(any_order, range(4))
    assert not judged(other, range(4))
    assert judged(other, [1, 0, 2, 3])


def test_samples_of_another_key_have_other_names():
    first, second = theory_samples("copy", 3, 2), theory_samples("copy", 3, 2, "k")
    assert len({sample.sample_id for sample in first + second}) == 4
    assert replace(first[0], index=1, sample_id=first[1].sample_id) == first[1]


@pytest.mark.parametrize(
    ("task", "items"),
    [
        ("copy", "0 1 2 3 4"),
        ("reverse", "4 3 2 1 0"),
        ("sort", "0 1 2 3 4"),
        ("insert_index", "0 1 NEW 2 3 4"),
        ("remove_index", "0 1 3 4"),
        ("replace_index", "0 1 NEW 3 4"),
    ],
)
def test_the_one_answer_of_a_task_without_a_choice(task, items):
    [sample] = theory_samples(task, 5, 1)
    wanted = [f"w00{item}" if item.isdigit() else item for item in items.split()]
    new = set(sample.answer) - {f"w00{number}" for number in range(5)}
    assert [item if item not in new else "NEW" for item in sample.answer] == wanted
