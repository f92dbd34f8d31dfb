"""Selection temperature: positions drawn without replacement from softmax(score / T)."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest
import torch

from pbench.errors import UsageError
from pbench.samplers import make_sampler
from pbench.samplers.selection import gumbel
from tests.samplers.steps import MadeStep, chosen

ROW = [0.9, None, 0.5, 0.7]
PLACES = (0, 2, 3)


def draws(temperature, k, count, **scores):
    sampler = make_sampler("confidence", {"k": k, "selection_temperature": temperature})
    step = MadeStep([ROW] * count, states=[(k,)] * count, **scores)
    return Counter(map(tuple, chosen(sampler.select(step).commit)))


@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_pairs_come_as_often_as_draws_without_replacement(temperature):
    weights = {place: torch.tensor(ROW[place] / temperature).exp().item() for place in PLACES}
    total = sum(weights.values())
    expected: Counter[tuple[int, ...]] = Counter()
    for first, second in permutations(PLACES, 2):
        chance = weights[first] / total * weights[second] / (total - weights[first])
        expected[tuple(sorted((first, second)))] += chance
    found = draws(temperature, 2, 8000)
    assert set(found) == set(expected)
    for pair, chance in expected.items():
        assert found[pair] / 8000 == pytest.approx(chance, abs=0.023)  # 4 standard errors


def test_zero_is_the_best_and_draws_nothing():
    sampler = make_sampler("confidence", {"k": 2, "selection_temperature": 0})
    step = MadeStep([ROW], states=[(2,)])
    before = step.generator.get_state()
    assert chosen(sampler.select(step).commit) == [[0, 3]]
    assert torch.equal(step.generator.get_state(), before)


def test_a_low_temperature_is_nearly_the_best():
    assert draws(0.005, 1, 200) == {(0,): 200}


@pytest.mark.parametrize("name", ["margin", "entropy", "left-to-right"])
def test_all_ranked_samplers_take_it_and_stay_on_candidates(name):
    sampler = make_sampler(name, {"k": 3, "selection_temperature": 50.0})
    step = MadeStep([ROW] * 50, margin=[ROW] * 50, entropy=[ROW] * 50, states=[(1,)] * 50)
    found = Counter(map(tuple, chosen(sampler.select(step).commit)))
    assert set(found) == {(place,) for place in PLACES}


def test_noise_is_finite_at_the_ends_of_the_interval():
    assert gumbel(torch.tensor([0.0, 1 - 2**-24])).isfinite().all()


@pytest.mark.parametrize(("name", "value"), [("confidence", -1), ("confidence", "inf"), ("random", 1)])
def test_values_out_of_range_and_an_order_that_is_random_anyway(name, value):
    with pytest.raises(UsageError, match=r"selection.temperature"):
        make_sampler(name, {"k": 1, "selection_temperature": value})
