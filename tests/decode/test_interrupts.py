"""A signal costs no answer that has come, and lets what is on its way come."""

from __future__ import annotations

import signal
import threading

import pytest

from pbench.decode.interrupts import take_in


def rows(told: list[str]):
    try:
        yield "a"
        yield "b"
    except KeyboardInterrupt:
        told.append("interrupt")
        yield "on its way"
        raise
    yield "c"


def test_a_row_that_is_being_saved_is_saved_and_the_rest_may_come():
    saved, told = [], []

    def save(row):
        if row == "b":
            signal.raise_signal(signal.SIGINT)
        saved.append(row)

    with pytest.raises(KeyboardInterrupt):
        take_in(rows(told), save)
    assert (saved, told) == (["a", "b", "on its way"], ["interrupt"])


def test_without_a_signal_all_rows_are_saved():
    saved: list[str] = []
    take_in(rows([]), saved.append)
    assert saved == ["a", "b", "c"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_raises_nothing_ends_nothing():
    saved, heard = [], []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        take_in(rows([]), lambda row: (signal.raise_signal(signal.SIGTERM), saved.append(row)))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (saved, heard) == (["a", "b", "c"], [signal.SIGTERM] * 3)


def test_an_error_while_saving_ends_it_and_signals_are_heard_again():
    def save(row):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        take_in(rows([]), save)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_outside_the_main_thread_there_are_no_signals_to_hold():
    saved: list[str] = []
    thread = threading.Thread(target=take_in, args=(rows([]), saved.append))
    thread.start()
    thread.join()
    assert saved == ["a", "b", "c"]
