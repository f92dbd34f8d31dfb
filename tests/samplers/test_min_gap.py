"""The min-gap filter: what it keeps, and that it gets every sampler to its end."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pbench.decode import Engine, EngineOptions, nfe_bound
from pbench.errors import UsageError
from pbench.interfaces import BlockPlan, Selection, Traits
from pbench.samplers import make_sampler, options_model
from pbench.samplers.min_gap import MinGap
from pbench.samplers.policy import Policy
from pbench.samplers.selection import keep_apart
from tests.samplers.steps import MadeStep, chosen
from tests.scripted import MASK, Scripted, hashed, sample

ROW = [0.5, 0.9, 0.8, None, 0.7, 0.6, 0.95]


@pytest.mark.parametrize(
    ("gap", "positions"),
    [(1, [0, 1, 2, 4, 5, 6]), (2, [1, 4, 6]), (3, [1, 6]), (5, [1, 6]), (6, [0, 6]), (7, [6]), (99, [6])],
)
def test_the_best_come_first_and_keep_their_distance(gap, positions):
    sampler = make_sampler("threshold", {"gamma": 0.0, "min_gap": gap})
    step = MadeStep([ROW], states=[sampler.plan_block(MadeStep([ROW]).plans[0])])
    assert chosen(sampler.select(step).commit) == [positions]


@given(st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=1, max_size=16), st.integers(1, 8))
def test_the_subset_is_greedy_and_maximal(values, gap):
    held = torch.tensor([[value is not None for value in values]])
    scores = torch.tensor([[-1.0 if value is None else float(value) for value in values]])
    kept = chosen(keep_apart(held, scores, gap))[0]
    expected: list[int] = []
    for place in sorted(held[0].nonzero().flatten().tolist(), key=lambda at: (-scores[0, at], at)):
        if all(abs(place - other) >= gap for other in expected):
            expected.append(place)
    assert kept == sorted(expected)


def test_options_and_identity_name_it():
    sampler = make_sampler("confidence", {"k": "4", "min_gap": "2"})
    assert sampler.options.model_dump(mode="json", exclude_none=True)["min_gap"] == 2
    assert (sampler.name, sampler.options.k) == ("confidence", 4)
    plain = make_sampler("confidence", {"k": "4"})
    assert "min_gap" not in plain.options.model_dump()
    assert "min_gap" in options_model("confidence").model_fields


@pytest.mark.parametrize("gap", [0, -1, "far", 1.5])
def test_bad_gaps_are_refused(gap):
    with pytest.raises(UsageError, match="min_gap"):
        make_sampler("threshold", {"gamma": 0.5, "min_gap": gap})


def test_the_inner_sampler_still_refuses_lengths():
    with pytest.raises(UsageError, match="--k 5"):
        make_sampler("confidence", {"k": 5, "min_gap": 2}).check(8, 4)


def play(sampler, scores):
    """Commits of each step of one block; the scores stay as they are."""
    left: list[float | None] = list(scores)
    state, commits = sampler.plan_block(MadeStep([left]).plans[0]), []
    while any(score is not None for score in left):
        step = MadeStep([left], states=[state], number=len(commits))
        commits.append(chosen(sampler.select(step).commit)[0])
        left = [None if place in commits[-1] else score for place, score in enumerate(left)]
    return commits


def test_beyond_its_plan_the_sampler_decides_as_at_its_last_step():
    sampler = make_sampler("confidence", {"k": 6, "min_gap": 3})  # plans 6 and 1 of 7
    assert play(sampler, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]) == [[0, 3], [1], [2], [4], [5], [6]]


class Stubborn(Policy):
    """Plans two steps, commits nothing, takes back what stands and never lets a block go."""

    name = "stubborn"
    traits = Traits(may_remask=True, may_idle=True, may_continue=True)

    def max_steps(self, block):
        return 2

    def select(self, step):
        nothing = torch.zeros_like(step.to_unmask)
        return Selection(nothing, remask=~step.to_unmask, done=nothing[:, 0])


@pytest.mark.parametrize(
    ("number", "commit", "remask", "done"), [(0, [], [1], False), (1, [], [1], False), (2, [2], [], True)]
)
def test_beyond_its_plan_nothing_is_taken_back_and_something_is_committed(number, commit, remask, done):
    sampler = MinGap(Stubborn(None), make_sampler("threshold", {"gamma": 0.5, "min_gap": 2}).options)
    plan = BlockPlan(3, 3, 1, 0, 3)
    assert sampler.max_steps(plan) == 2 + 3
    step = MadeStep([[0.3, None, 0.4]], states=[sampler.plan_block(plan)], number=number)
    found = sampler.select(step)
    assert (chosen(found.commit), chosen(found.remask)) == ([commit], [remask])
    assert found.done.tolist() == [done]


def test_a_fixed_rate_goes_on_until_nothing_is_masked():
    sampler = make_sampler("confidence", {"k": 8, "min_gap": 3})
    (answer,) = Engine(Scripted(hashed), sampler, 8, EngineOptions()).run([sample(0)])
    assert (answer.status, MASK in answer.output_ids) == ("ok", False)
    assert answer.nfe <= nfe_bound([sample(0)], sampler, None)
    for number in range(1, answer.nfe + 1):
        places = [place for place, at in enumerate(answer.commit_step) if at == number]
        assert all(b - a >= 3 for a, b in pairwise(places))
