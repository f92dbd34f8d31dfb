"""Threshold: which score, which comparison, and the one that is always committed."""

from __future__ import annotations

import pytest

from pbench.errors import UsageError
from pbench.samplers import make_sampler
from tests.samplers.steps import MadeStep, chosen

CONFIDENCE = [[0.9, 0.5, 0.75, None], [0.25, 0.5, 0.375, 0.5]]
MARGIN = [[0.125, 0.75, 0.5, None], [0.25, 0.0, 0.5, 0.5]]


@pytest.mark.parametrize(
    ("options", "positions"),
    [
        ({"gamma": 0.75}, [[0, 2], [1]]),
        ({"gamma": 0.75, "comparison": "gt"}, [[0], [1]]),
        ({"gamma": 0.5}, [[0, 1, 2], [1, 3]]),
        ({"gamma": 0.5, "comparison": "gt"}, [[0, 2], [1]]),
        ({"gamma": 0.5, "score": "margin"}, [[1, 2], [2, 3]]),
        ({"gamma": 0.5, "score": "margin", "comparison": "gt"}, [[1], [2]]),
        ({"gamma": 0}, [[0, 1, 2], [0, 1, 2, 3]]),
        ({"gamma": 1.5}, [[0], [1]]),
        ({"gamma": 1.5, "score": "margin"}, [[1], [2]]),
    ],
)
def test_commits_what_passes_or_else_the_best(options, positions):
    step = MadeStep(CONFIDENCE, margin=MARGIN)
    assert chosen(make_sampler("threshold", options).select(step).commit) == positions


@pytest.mark.parametrize("options", [{"score": "entropy"}, {"score": "random"}, {"comparison": ">="}])
def test_meaningless_scores_and_unknown_comparisons_are_refused(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        make_sampler("threshold", {"gamma": 0.5, **options})
