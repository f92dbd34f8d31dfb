"""The selection rules by themselves, on scores written out by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pbench.errors import UsageError
from pbench.samplers import SAMPLERS, make_sampler
from pbench.samplers.factor import factor_count
from pbench.samplers.schedules import even_schedule, exact_schedule
from pbench.samplers.selection import best, rank, top_n


def test_ties_go_to_the_lower_position():
    scores = torch.tensor([[0.5, 0.9, 0.5, 0.9]])
    assert rank(scores).tolist() == [[2, 0, 3, 1]]
    everything = torch.ones(1, 4, dtype=torch.bool)
    assert top_n(scores, everything, torch.tensor([3])).tolist() == [[True, True, False, True]]


def test_only_candidates_are_chosen_even_where_the_quota_is_larger():
    scores = torch.tensor([[0.9, 0.8, 0.7]])
    candidates = torch.tensor([[False, True, False]])
    assert top_n(scores, candidates, torch.tensor([3])).tolist() == candidates.tolist()
    assert best(scores, candidates).tolist() == candidates.tolist()


def test_schedules():
    assert exact_schedule(10, 3) == (3, 3, 3, 1)
    assert even_schedule(10, 4) == (3, 3, 2, 2)
    assert even_schedule(3, 8) == (1, 1, 1)


@given(st.integers(1, 200), st.integers(1, 64))
def test_schedules_commit_every_mask_once_and_never_idle(masks, number):
    for schedule in (exact_schedule(masks, number), even_schedule(masks, number)):
        assert sum(schedule) == masks
        assert min(schedule) >= 1
    assert len(even_schedule(masks, number)) == min(masks, number)


# Counts of the published rule for factors 0.7, 1.0, 1.3, 1.6, 1.9, worked out by hand.
GOLDEN = [
    ([0.99, 0.98, 0.95, 0.90], (4, 4, 4, 4, 4)),
    ([0.6, 0.5, 0.4, 0.3], (1, 1, 1, 2, 2)),
    ([0.99, 0.99, 0.99, 0.5], (3, 3, 3, 3, 3)),
    ([0.97, 0.96, 0.40], (2, 2, 2, 2, 2)),
    ([0.9, 0.2], (1, 1, 1, 1, 1)),
    ([0.3], (1, 1, 1, 1, 1)),
]


@pytest.mark.parametrize(("confidences", "counts"), GOLDEN)
def test_factor_golden_values(confidences, counts):
    shuffled = torch.tensor([[*confidences[::-1], -torch.inf]])
    found = tuple(int(factor_count(shuffled, f)) for f in (0.7, 1.0, 1.3, 1.6, 1.9))
    assert found == counts


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40))
def test_factor_is_the_rule_as_written_and_monotone(confidences):
    ordered = sorted(confidences, reverse=True)
    tensor = torch.tensor([confidences])
    counts = []
    for factor in (0.7, 1.3, 1.9):
        passed = [n for n, c in enumerate(ordered, 1) if (n + 1) * (1 - torch.tensor(c)).item() < factor]
        counts.append(int(factor_count(tensor, factor)))
        assert counts[-1] == max([1, *passed])
    assert counts == sorted(counts)


def test_aliases_and_spellings_name_the_same_sampler():
    for alias in ("l2r", "left_to_right", "left-to-right"):
        assert SAMPLERS.get(alias).name == "left-to-right"
    for alias, name in (
        ("confidence-topk", "confidence"),
        ("topk_margin", "margin"),
        ("entropy_topk", "entropy"),
        ("confidence_threshold", "threshold"),
        ("confidence_factor", "factor"),
    ):
        assert SAMPLERS.get(alias).name == name


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("confidense", {"k": 1}, "did you mean 'confidence'"),
        ("confidence", {}, "--k"),
        ("confidence", {"k": 1, "steps": 2}, "--steps"),
        ("confidence", {"k": 0}, "k"),
        ("confidence", {"k": "many"}, "k"),
        ("confidence", {"gamma": 0.9}, "takes no option --gamma; options: --k, --steps"),
        ("threshold", {"gamma": "7x"}, "gamma"),
        ("threshold", {"gamma": "nan"}, "gamma"),
        ("threshold", {}, "gamma"),
        ("factor", {"factor": -1}, "factor"),
    ],
)
def test_bad_options_are_one_clear_error(name, options, words):
    with pytest.raises(UsageError, match=words) as caught:
        make_sampler(name, options)
    assert "\n" not in str(caught.value)
