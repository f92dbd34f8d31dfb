"""A signal costs no answer that has come, and lets what is on its way come."""

from __future__ import annotations

import dis
import signal
import sys
import threading
from functools import cache
from itertools import count, pairwise

import pytest

from pbench.decode import interrupts
from pbench.decode.interrupts import take_in
from pbench.models.api import calls
from pbench.records import Generation
from tests.scripted import sample


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


_HEARD_AFTER = {"RESUME", "CALL", "CALL_KW", "CALL_FUNCTION_EX", "JUMP_BACKWARD"}  # CPython's ceval.c
_WATCHED = {
    each.__code__ for each in (take_in, interrupts._raise_first, calls.in_parallel, calls._Crew.first)
}


@cache
def places(code) -> frozenset[int]:
    """Offsets of the instructions of `code` before which Python looks for signals."""
    steps = pairwise(dis.get_instructions(code))
    return frozenset(step.offset for last, step in steps if last.opname in _HEARD_AFTER)


def interrupt_at(number: int, rows, save) -> bool:
    """Let `take_in` save `rows`; SIGINT comes at place `number`. Whether there is such a place."""
    left = number

    def look(frame, event, _):
        nonlocal left
        if frame.f_code not in _WATCHED:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_lasti in places(frame.f_code):
            left -= 1
            if left == 0:
                signal.raise_signal(signal.SIGINT)
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        take_in(rows, save)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return left <= 0


def test_wherever_a_signal_is_heard_each_answer_that_was_paid_for_is_saved_once(monkeypatch):
    """Of calls to a remote model, two at a time."""
    monkeypatch.setattr(calls, "GRACE_SECONDS", 60.0)
    for number in count(1):
        asked, saved = [], []

        def ask(one, asked=asked):
            asked.append(one.index)
            return Generation(sample=one, status="ok", output_text="x", gen_length=8)

        rows = calls.in_parallel(ask, [sample(index) for index in range(3)], 2)
        came = interrupt_at(number, rows, lambda row, saved=saved: saved.append(row.sample.index))
        assert sorted(saved) == sorted(asked), number
        if not came:
            break
    assert number > 40
    assert sorted(saved) == [0, 1, 2]
