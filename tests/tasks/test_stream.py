"""The random stream: the same everywhere, uniform enough, without repeats where promised."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.tasks.stream import Stream


def test_numbers_never_change():
    # Golden values: if these change, every samples file and every trained model changes.
    stream = Stream(0, "waiting_line/copy", "test", 17, 0)
    assert [stream.below(1000) for _ in range(12)] == [
        36,
        567,
        947,
        486,
        648,
        654,
        671,
        463,
        165,
        546,
        800,
        127,
    ]
    assert Stream("a").shuffled("ABCDEFGH") == list("BDACFEHG")


def test_keys_do_not_run_into_each_other():
    assert [Stream("ab", 1).below(2**60), Stream("a", "b1").below(2**60)].count(
        Stream("ab", 1).below(2**60)
    ) == 1


@given(st.integers(1, 10**6), st.text(max_size=5))
def test_below_stays_below(n: int, key: str):
    stream = Stream(key)
    assert all(0 <= stream.below(n) < n for _ in range(20))


@given(st.integers(0, 40), st.integers(0, 40), st.integers())
def test_sample_takes_different_places(size: int, k: int, key: int):
    if k > size:
        with pytest.raises(ValueError, match="different items"):
            Stream(key).sample(range(size), k)
        return
    found = Stream(key).sample(range(size), k)
    assert len(set(found)) == k
    assert set(found) <= set(range(size))


@given(st.lists(st.integers(), max_size=30), st.integers())
def test_shuffled_keeps_the_items(items: list[int], key: int):
    assert Counter(Stream(key).shuffled(items)) == Counter(items)


def test_every_order_is_equally_likely():
    counts = Counter("".join(Stream("order", number).shuffled("ABC")) for number in range(6000))
    assert len(counts) == 6
    assert all(850 < count < 1150 for count in counts.values())


def test_every_sample_is_equally_likely():
    # 5 of 40 goes by rejection, 15 of 40 by shuffling: both must be fair.
    for k in (5, 15):
        counts = Counter(item for number in range(4000) for item in Stream(k, number).sample(range(40), k))
        mean = 4000 * k / 40
        assert all(0.8 * mean < counts[item] < 1.2 * mean for item in range(40))
