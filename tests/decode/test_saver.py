"""Rows get to disk when they are finished, not when the next one is."""

from __future__ import annotations

import threading
import time

import pytest

from pbench.decode.saver import Saver


def wait_for(condition, seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.005)
    return condition()


def test_a_burst_is_written_although_no_further_row_comes():
    written, safe, free = [], [], threading.Event()

    def write(rows):
        written.append(list(rows))
        free.wait(60)

    with Saver(write, 0.05) as saver:
        saver.add("a")
        assert wait_for(lambda: written == [["a"]])  # the first at once
        saver.add("b")
        saver.add("c")
        free.set()
        assert wait_for(lambda: safe.extend(saver.saved()) or safe == ["a", "b", "c"])
        assert written == [["a"], ["b", "c"]]  # the others as one group
        assert saver.saved() == []


def test_what_waits_is_written_when_it_closes():
    written = []
    with Saver(written.extend, 60.0) as saver:
        for row in "abc":
            saver.add(row)
    assert written == ["a", "b", "c"]
    assert saver.saved() == ["a", "b", "c"]


def test_adding_does_not_wait_for_a_slow_disk():
    free, ended = threading.Event(), []
    with Saver(lambda rows: ended.append(free.wait(60)), 0.01) as saver:
        for row in range(100):
            assert saver.add(row) == []
        assert ended == []  # all are added, and no write has come to its end
        free.set()
    assert saver.saved() == list(range(100))


def test_an_error_of_the_disk_is_raised_where_rows_come_from():
    def refuse(rows):
        raise OSError(28, "No space left on device")

    with Saver(refuse, 0.01) as saver:
        saver.add("a")
        assert wait_for(lambda: saver._error is not None)
        with pytest.raises(OSError, match="No space"):
            saver.add("b")
    with pytest.raises(OSError, match="No space"):
        saver.saved()


def test_without_a_pause_a_row_is_safe_when_add_returns():
    written = []
    with Saver(written.extend, 0.0) as saver:
        assert saver.add("a") == ["a"]
        assert written == ["a"]
    assert not saver._thread.ident  # it never ran


def test_a_row_that_is_wanted_at_once_is_safe_when_add_returns():
    written = []
    with Saver(written.extend, 60.0) as saver:
        saver.add("first")
        while not written:
            time.sleep(0.001)
        assert "paid" in saver.add("paid", at_once=True)
        assert written == ["first", "paid"]
