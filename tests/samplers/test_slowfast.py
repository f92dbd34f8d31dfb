"""SlowFast: estimates, phases and cycles of a block whose scores are written out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.decode import Engine, EngineOptions
from pbench.interfaces import BlockPlan
from pbench.samplers import make_sampler
from pbench.samplers.slowfast import Cycle, SlowFastOptions
from tests.samplers.plays import Play
from tests.scripted import Scripted, hashed, sample

SCORES = [0.95, 0.92, 0.5, 0.4, 0.35, 0.2, 0.1, 0.1]


def test_slow_phase_fast_phase_and_the_next_cycle():
    sampler = make_sampler("slowfast", {"gamma": 0.9, "exploration_steps": 3})
    # From the 4th forward on position 6 is sure, but the fast phase fills 0..4 first.
    play = Play(sampler, lambda n: SCORES if n < 3 else [*SCORES[:6], 0.99, 0.1])
    # Slow: 0 and 1 together, then 2 and 3. Estimates 5, 5: settled. Fast: 4. Slow again from 5 on:
    # 6 is the best, then 5, then 7.
    assert play.commits == [[0, 1], [2], [3], [4], [6], [5], [7]]


def test_where_nothing_is_likely_the_length_is_one_more_than_what_stands():
    sampler = make_sampler("slowfast", {"gamma": 0.9, "exploration_steps": 1, "window": 1})
    # Slow: 2, the best of all; length 1. Fast: 0. Slow from 1 on: 3; length 2. Fast: 1, and not 4.
    assert Play(sampler, lambda n: [0.1, 0.05, 0.25, 0.2, 0.15]).commits == [[2], [0], [3], [1], [4]]


def test_one_sure_candidate_is_no_crowd():
    play = Play(make_sampler("slowfast", {"gamma": 0.5}), lambda n: [0.1, 0.5, 0.2, 0.3])
    assert play.commits == [[1], [3], [2], [0]]


def test_sure_means_at_least_gamma():
    assert Play(make_sampler("slowfast", {"gamma": 0.5}), lambda n: [0.5] * 4).commits == [[0, 1, 2, 3]]


@pytest.mark.parametrize(
    ("estimates", "window", "end"),
    [
        ((3, 8), 2, 5),  # never agree: int of the mean of the last two
        ((4, 9, 2, 7), 2, 4),
        ((4, 5, 9, 9), 2, 5),  # agree at the second estimate
        ((7,), 2, 7),
        ((7, 1), 1, 7),  # a window of one agrees with itself
        ((6, 6, 4, 6), 3, 4),  # the deviation of 6, 6, 4 is 0.94: the latest counts
        ((6, 6, 3, 6), 3, 5),
        ((4, 6, 7), 2, 7),  # a deviation of 1 is no agreement
    ],
)
def test_the_length_is_settled_when_the_estimates_agree(estimates, window, end):
    options = SlowFastOptions(gamma=0.9, window=window, exploration_steps=len(estimates))
    cycle = Cycle()
    for estimate in estimates:
        assert cycle.end is None
        cycle.explore(estimate, options)
    assert cycle.end == end


def test_a_full_block_takes_no_forward_unless_as_published():
    sampler = make_sampler("slowfast", {"gamma": 0.9})
    assert len(Play(sampler, lambda n: [0.99, 0.99]).frames) == 1
    published = Play(sampler, lambda n: [0.99, 0.99], compat=True)
    assert published.commits == [[0, 1], [], [], [], [], []]
    # One a forward: 6 of a slow phase that settles on length 1, 2 and 4 idle ones of the next.
    slow = [0.1] * 8
    assert len(Play(sampler, lambda n: slow).frames) == 8
    assert len(Play(sampler, lambda n: slow, compat=True).frames) == 12


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20), st.floats(0, 1), st.integers(1, 8))
def test_every_forward_commits(scores, gamma, steps):
    sampler = make_sampler("slowfast", {"gamma": gamma, "exploration_steps": steps})
    play = Play(sampler, lambda n: scores[n % len(scores) :] + scores[: n % len(scores)])
    assert all(play.commits)
    committed = sorted(position for commit in play.commits for position in commit)
    assert committed == list(range(len(scores)))
    published = Play(sampler, lambda n: scores, compat=True)
    assert len(published.frames) >= steps
    assert len(published.frames) <= sampler.max_steps(BlockPlan(len(scores), len(scores), 1, 0, len(scores)))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_idle_forwards_of_the_original_are_the_same_in_any_batch(temperature):
    sampler = make_sampler("slowfast", {"gamma": 0.5})
    samples = [sample(index, "abcd"[: 1 + index % 3], 8) for index in range(5)]
    runs = []
    for size in (1, 3):
        options = EngineOptions(
            block_length=4, batch_size=size, temperature=temperature, compat="parallelbench"
        )
        answers = Engine(Scripted(hashed), sampler, 8, options).run(samples)
        runs.append({each.sample.index: (each.output_ids, each.nfe, each.trace) for each in answers})
    assert runs[0] == runs[1]
    assert all(nfe >= 2 * 6 for _, nfe, _ in runs[0].values())
