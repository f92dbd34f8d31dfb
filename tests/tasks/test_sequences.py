"""Arithmetic, running sums and dominoes, computed once more another way."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from pbench.metrics import parse_lenient
from pbench.tasks import generate, load_suite

EXTRAS = {spec.name.partition("/")[2]: spec for spec in load_suite("extras").tasks}


def test_equations_have_results_of_the_asked_length():
    lengths = set()
    for sample in generate(EXTRAS["math_op"], shots=0):
        equation = re.fullmatch(r"Calculate ([0-9 +-]+)\. .*", sample.messages[-1]["content"])[1]
        assert sample.answer == str(eval(equation))
        assert len(sample.answer) == sample.metadata["length"]
        assert len(re.findall(r"[+-]", equation)) == sample.metadata["num_ops"]
        lengths.add(len(sample.answer))
    assert lengths == set(range(5, 51, 5))


@pytest.mark.parametrize("length", [2, 3, 9])
def test_products_follow_the_usual_precedence(write_suite, length: int):
    text = f"  m: {{type: math_op, ops: ['*', '-', '+'], lengths: [{length}], prompt: '{{equation}}'}}\n"
    spec = load_suite(write_suite(text, "defaults: {category: puzzle, gen_length: 8}\ntasks:\n")).tasks[0]
    samples = list(generate(spec))
    assert any("*" in sample.messages[-1]["content"] for sample in samples)
    for sample in samples:
        assert sample.answer == str(eval(sample.messages[-1]["content"]))
        assert len(sample.answer) == length


def test_running_sums():
    for sample in generate(EXTRAS["cumsum"], shots=0):
        numbers = [int(item) for item in parse_lenient(sample.messages[-1]["content"])]
        sums = [sum(numbers[: end + 1]) for end in range(len(numbers))]
        assert [int(item) for item in parse_lenient(sample.answer)] == sums


def test_dominoes():
    for sample in generate(EXTRAS["domino"], shots=0):
        chain = parse_lenient(sample.answer["example"])
        assert len(chain) == sample.answer["length"]
        assert chain[0] == str(sample.answer["start"])
        assert all("0" not in number and len(number) == 2 for number in chain)
        assert all(before[1] == after[0] for before, after in pairwise(chain))
