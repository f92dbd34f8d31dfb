"""Calls at once: never more unsaved answers than asked for at a time, and an end in order."""

from __future__ import annotations

import threading
import time
from queue import SimpleQueue

import pytest

from pbench.models.api import calls
from pbench.models.api.calls import in_parallel
from pbench.records import Generation
from tests.models.api_formats import samples


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """However long a thread has to wait for the processor, its answer comes in time."""
    monkeypatch.setattr(calls, "GRACE_SECONDS", 600.0)


def threads_end() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("pbench call"):
            thread.join(60)


def answer(sample) -> Generation:
    return Generation(sample=sample, status="ok", output_text="x", gen_length=sample.gen_length)


@pytest.mark.parametrize("size", [1, 2, 5, 40])
def test_one_row_for_each_sample(size):
    asked = samples(20)
    rows = list(in_parallel(answer, asked, size))
    assert sorted(row.sample.index for row in rows) == sorted(sample.index for sample in asked)


def test_nobody_to_ask():
    assert list(in_parallel(answer, [], 3)) == []


def test_no_more_is_asked_than_could_be_lost():
    """With two at a time: what the taker holds and has not come back for counts as one of them."""
    begun: list[int] = []

    def ask(sample):
        begun.append(sample.index)
        return answer(sample)

    rows = in_parallel(ask, samples(20), 2)
    for taken in range(5):
        next(rows)
        time.sleep(0.02)  # for one too many to begin
        assert len(begun) <= taken + 2
    rows.close()
    threads_end()
    assert len(begun) <= 4 + 2, "nothing is asked once the taker is gone"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_waits_for_what_is_on_its_way_and_asks_nothing_new(kind):
    begun: list[int] = []
    go = threading.Event()

    def ask(sample):
        begun.append(sample.index)
        if sample.index > 0:
            go.wait(60)
        return answer(sample)

    rows = in_parallel(ask, samples(20), 3)
    got = [next(rows)]
    while len(begun) < 3:
        time.sleep(0.01)
    timer = threading.Timer(0.05, go.set)
    timer.start()
    got.append(rows.throw(kind()))
    timer.join()
    with pytest.raises(kind):
        got.extend(rows)
    assert sorted(row.sample.index for row in got) == sorted(begun)
    assert len(begun) == 3


def test_an_error_ends_it_after_the_rows_on_their_way():
    failing: SimpleQueue[threading.Thread] = SimpleQueue()

    def ask(sample):
        if sample.index == 3:
            failing.put(threading.current_thread())
            raise ValueError("no")
        if sample.index > 3:  # on its way while the other one fails
            failing.get().join()
        return answer(sample)

    got: list[Generation] = []
    with pytest.raises(ValueError, match="no"):
        got.extend(in_parallel(ask, samples(20), 2))
    assert {row.sample.index for row in got} in ({0, 1, 2}, {0, 1, 2, 4})
