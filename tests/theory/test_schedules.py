from dataclasses import replace

import pytest

from pbench.errors import UsageError
from pbench.models.oracle_questions import read_question
from pbench.records import Generation, Sample, TraceEvent
from pbench.theory.joint import uniform
from pbench.theory.schedules import SampleBound, Writer, answers_of, schedule_bound

LETTERS = "ABCDEFGHIJKL"


def sample(metric, answer, length=4, **metadata):
    return Sample(
        sample_id="t/0", task="g/t", category="c", index=0, messages=(), answer=answer,
        gen_length=length, metric=metric, headline="score", metadata=metadata,
    )  # fmt: skip


def shuffled(n, **metadata):
    return sample("list_shuffle", {"input": list(LETTERS[:n])}, n, **metadata)


def decoded(question, items, steps, first=3, events=()):
    """As the oracle's run records it: item j is the token 3 + j."""
    ids = tuple(item + first for item in items)
    trace = tuple(
        TraceEvent(step, place, token, 0.5, "commit")
        for place, (step, token) in enumerate(zip(steps, ids, strict=True))
    )
    return Generation(
        sample=question, status="ok", output_text="", output_ids=ids, gen_length=len(ids),
        commit_step=tuple(steps), trace=trace + tuple(events),
    )  # fmt: skip


def test_a_shuffle_unmasked_two_by_two():
    answer = decoded(shuffled(4, any_order=True), [3, 2, 1, 0], [1, 2, 2, 1])
    found = schedule_bound(answer, None, 1.0)
    assert found.ideal == pytest.approx(3 / 4 * 1 / 2)
    assert 2**-found.bits == pytest.approx(found.ideal)
    assert found.steps == 2
    assert found.way_bits == pytest.approx(found.bits)
    assert found.slips == pytest.approx(1 / 4 + 1 / 2)


def test_the_way_ends_where_no_right_answer_is_left():
    answer = decoded(shuffled(4, any_order=True), [2, 1, 0, 2], [1, 2, 2, 1])
    assert schedule_bound(answer, None, 1.0).slips == pytest.approx(1 / 4)


def test_a_long_shuffle_is_counted_not_listed():
    order = list(range(12))[::-1]
    found = schedule_bound(decoded(shuffled(12), order, [1] * 6 + [2] * 6), None, 0.0)
    assert 2**-found.bits == pytest.approx(found.ideal)
    assert 0 < found.ideal < 0.01
    assert (found.way_bits, found.slips, found.steps) == (found.bits, 1 - found.ideal, 2)


def test_steps_chosen_by_what_stands_are_cheap_on_their_way():
    """An insertion in front shows at the first item: what follows is certain."""
    question = sample("list_random_insert", {"input": ["A", "B", "C"], "word": "X"})
    answer = decoded(question, [3, 0, 1, 2], [1, 2, 2, 2])
    found = schedule_bound(answer, None, 1.0)
    assert found.bits > 0.5
    assert found.way_bits == 0
    assert found.slips == 0


@pytest.mark.parametrize(
    ("metric", "answer", "count"),
    [
        ("list_match", ["A", "B"], 1),
        ("list_shuffle", {"input": ["A", "B", "C"]}, 5),
        ("list_random_replace", {"input": ["A", "B", "C"], "word": "X"}, 3),
        ("list_random_insert", {"input": ["A", "B", "C"], "word": "X"}, 4),
        ("list_random_remove", {"input": ["A", "B", "C"]}, 3),
        ("latin_square", {"symbols": ["A", "B", "C"], "size": 3}, 12),
    ],
)
def test_listed_answers_are_those_that_the_metric_accepts(metric, answer, count):
    from pbench.metrics import MetricTools, score_many

    question = read_question(sample(metric, answer))
    texts = {question.write(items) for items in answers_of(question)}
    assert len(texts) == count
    outcomes = score_many(metric, list(texts), [answer] * count, MetricTools())
    assert all(values["score"] == 1 for values, _ in outcomes)


def test_the_solutions_of_a_sudoku_with_two_rows_given():
    """Each of the upper rows has 1 and 3 in its odd columns, 2 and 4 in the even ones: 2 x 2 ways."""
    solution = "1234\n3412\n2143\n4321"
    question = read_question(sample("sudoku", solution, 16, sudoku="0000\n0000\n2143\n4321"))
    texts = {question.write(items) for items in answers_of(question)}
    assert len(texts) == 4
    assert solution in texts
    assert all(text.endswith("\n2143\n4321") for text in texts)


def test_a_models_own_tokens():
    """Two tokens a name: both halves in one step cost the bits of the name once more."""
    codes = {"Ann": 5, "Lee": 6, "Bob": 7, "Ray": 8}

    def encode(text):
        words = text.replace('["', "").replace('"]', "").replace('", "', " ").split()
        return [codes[word] for word in words]

    writer = Writer(encode, eos=2, pad=0)
    question = sample("list_shuffle", {"input": ["Ann Lee", "Bob Ray"]}, 6, any_order=True)
    ids = encode("Bob Ray Ann Lee")
    answer = decoded(question, [*ids, 2, 0], [1, 1, 2, 2, 3, 3], first=0)
    found = schedule_bound(answer, writer, 1.0)
    assert found.bits == pytest.approx(1)
    assert found.ideal == pytest.approx(0.5)
    assert (found.way_bits, found.slips) == (pytest.approx(1), pytest.approx(0.5))
    apart = replace(answer, commit_step=(1, 2, 2, 2, 3, 3))
    assert schedule_bound(apart, writer, 1.0).bits == 0


def test_a_pad_behind_a_short_answer_stands_for_its_end():
    """Without Cy the answer has four tokens, else three: that the fourth is none leaves one bit."""
    codes = {"Ann": 5, "Lee": 6, "Bob": 7, "Ray": 8, "Cy": 9}
    writer = Writer(
        lambda text: [codes[w] for w in text.strip('["]').replace('", "', " ").split()], eos=2, pad=0
    )
    question = sample("list_random_remove", {"input": ["Ann Lee", "Bob Ray", "Cy"]}, 4)
    for end in (writer.eos, writer.pad):
        answer = decoded(question, [7, 8, 9, end], [2, 2, 2, 1], first=0)
        found = schedule_bound(answer, writer, 1.0)
        assert (found.way_bits, found.slips) == (pytest.approx(1), pytest.approx(1 / 2))


def test_names_that_share_a_part_are_one_text_fewer():
    joint = uniform([[0, 1], [1, 0]])
    question = sample("list_shuffle", {"input": ["A", "B", "C"]}, 3, any_order=True)

    def encode(text):  # B and C look alike to this tokenizer
        return [0 if item == "A" else 1 for item in text.strip('["]').split('", "')]

    answer = decoded(question, [0, 1, 1], [1, 2, 3], first=0)
    found = schedule_bound(answer, Writer(encode, 9, 9), 1.0)
    assert found.bits == 0
    assert joint.positions == 2


def test_one_answer_costs_nothing():
    found = schedule_bound(decoded(sample("list_match", ["A", "B"]), [0, 1], [1, 1]), None, 0.0)
    assert found == SampleBound(bits=0, ideal=1, way_bits=0, slips=0, steps=0)


REMASK = TraceEvent(2, 0, 1, float("nan"), "remask")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "error"}, "not decoded"),
        ({"trace": None}, "trace was not recorded"),
        ({"output_ids": None}, "tokens were not recorded"),
        ({"trace": (REMASK,)}, "no partition"),
        ({"commit_step": (0, 1, 1)}, "was given"),
    ],
)
def test_what_has_no_schedule_says_why(change, reason):
    answer = decoded(shuffled(3), [2, 1, 0], [1, 2, 2])
    with pytest.raises(UsageError, match=reason):
        schedule_bound(replace(answer, **change), None, 0.0)


def test_answers_that_are_too_many_or_too_long():
    with pytest.raises(UsageError, match=r"9! right answers are too many to list"):
        schedule_bound(decoded(shuffled(9), range(9), [1] * 9), Writer(lambda _: [1], 2, 0), 0.0)
    with pytest.raises(UsageError, match="4 tokens, more than gen_length 3"):
        schedule_bound(decoded(shuffled(3), range(3), [1] * 3), Writer(lambda _: [1] * 4, 2, 0), 0.0)


def test_unknown_answers_say_so():
    with pytest.raises(UsageError, match="is not known"):
        schedule_bound(decoded(sample("bleu", "text"), [0, 1], [1, 1]), None, 0.0)
