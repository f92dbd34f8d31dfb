"""Samples handed out to workers: small chunks, everything answered or given up, nothing twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pbench.decode.queue import MOST_LOSSES, SampleQueue, chunk_size
from tests.scripted import sample


@given(st.integers(1, 5000), st.integers(1, 16), st.integers(1, 64))
def test_chunks_are_whole_batches_that_get_smaller_until_nothing_is_left(total, workers, batch_size):
    left, sizes = total, []
    while left:
        sizes.append(chunk_size(left, total, workers, batch_size))
        left -= sizes[-1]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] <= -(-total // workers)
    if total >= workers * batch_size:
        assert all(size % batch_size == 0 for size in sizes[:-1])


def test_chunks_of_two_workers():
    def sizes(total: int, batch_size: int) -> list[int]:
        left, found = total, []
        while left:
            found.append(chunk_size(left, total, 2, batch_size))
            left -= found[-1]
        return found

    assert sizes(32, 8) == [8, 8, 8, 8]
    assert sizes(16, 8) == [8, 8]
    assert sizes(5, 32) == [3, 2]
    assert sizes(160, 8) == [40, 24, 24, 16, 8, 8, 8, 8, 8, 8, 8]


def test_every_sample_is_handed_out_once_and_a_lost_one_again():
    queue = SampleQueue(sample(i) for i in range(20))
    first = queue.take(0, 2, 4)
    second = queue.take(1, 2, 4)
    for each in first[:1] + second:
        queue.done(0 if each in first else 1, each.sample_id)
    assert queue.lose(0) == (len(first) - 1, [])
    seen = [each.index for each in first[:1] + second]
    while chunk := queue.take(1, 1, 4):
        for each in chunk:
            queue.done(1, each.sample_id)
            seen.append(each.index)
    assert sorted(seen) == list(range(20))
    assert queue.finished


def test_what_went_down_with_two_workers_comes_alone_and_after_three_it_is_given_up():
    queue = SampleQueue(sample(i) for i in range(3))
    sizes, given_up = [], []
    while chunk := queue.take(0, 1, 8):
        sizes.append(len(chunk))
        back, lost = queue.lose(0)
        assert back + len(lost) == len(chunk)
        given_up += lost
    assert sizes == [3, 3, 1, 1, 1]
    assert len(given_up) == MOST_LOSSES == 3
    assert queue.finished


def test_the_rest_is_what_nobody_has():
    queue = SampleQueue(sample(i) for i in range(9))
    held = queue.take(0, 3, 3)
    assert len(queue.rest()) == 9 - len(held)
    assert not queue.finished
