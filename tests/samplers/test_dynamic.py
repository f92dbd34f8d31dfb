"""Dynamic: strictly above gamma, or one; the same as a strict threshold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pbench.samplers import make_sampler
from tests.samplers.steps import MadeStep, chosen


def test_the_comparison_is_strict():
    step = MadeStep([[0.75, 0.5, None, 0.875], [0.75, 0.5, 0.25, None], [0.5, 0.75, None, 0.75]])
    assert chosen(make_sampler("dynamic", {"gamma": 0.75}).select(step).commit) == [[3], [0], [1]]
    assert chosen(make_sampler("dynamic", {"gamma": 0.625}).select(step).commit) == [[0, 3], [0], [1, 3]]


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=12), st.floats(0, 1.5))
def test_it_is_the_strict_threshold(confidences, gamma):
    step = MadeStep([confidences])
    strict = make_sampler("threshold", {"gamma": gamma, "comparison": "gt"})
    dynamic = make_sampler("low-confidence-dynamic", {"gamma": gamma})
    assert chosen(dynamic.select(step).commit) == chosen(strict.select(step).commit)
