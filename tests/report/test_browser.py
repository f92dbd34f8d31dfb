"""The browser's data: the same samples for all runs, each text once, as much as fits."""

from dataclasses import replace

import orjson
import pytest

from pbench.report.answers import Judged
from pbench.report.browser import Limits, Run, browser_data, even, visible
from tests.report.made_traces import (
    EOS,
    HOSTILE,
    RIGHT,
    SWAPPED,
    TOKENS,
    generation,
    remasked,
    sample,
    traced,
)


def judged(own, value, text="text"):
    return Judged(own.sample_id, own.task, own.index, "ok", text, value, None, 3, 6, 5)


def run(rows, **fields):
    answers = {
        row.sample.sample_id: judged(row.sample, float(row.output_ids == RIGHT), row.output_text)
        for row in rows
    }
    generations = {row.sample.sample_id: row for row in rows}
    names = {"model": "tiny", "sampler": "confidence", "setting": "k=2", "fixed": "", "colour": "#000000"}
    return Run(**names | {"answers": answers, "generations": generations, "tokens": TOKENS} | fields)


def test_even():
    assert even("abcdef", 3) == ["a", "c", "e"]
    assert even("ab", 5) == ["a", "b"]
    assert even("ab", 0) == []


def test_answers_stand_beside_each_other_and_texts_once():
    first = run([generation(sample(0)), generation(sample(1))])
    second = run([generation(sample(1), SWAPPED)], setting="k=8", kinds={"lists/copy/1": "wrong order"})
    data = browser_data([first, second], Limits())
    assert [one["id"] for one in data["samples"]] == ["lists/copy/0", "lists/copy/1"]
    assert [answer and answer[0] for answer in data["answers"][0]] == [1.0, 1.0]
    assert [answer and answer[0] for answer in data["answers"][1]] == [None, 0.0]
    assert data["kinds"] == ["wrong order"]
    assert data["answers"][1][1][5] == 0
    assert len(set(data["texts"])) == len(data["texts"])
    texts = data["texts"]
    assert texts[data["answers"][0][0][4]] == '["Ada", "Bob"]' == texts[data["answers"][0][1][4]]
    assert [texts[number] for _, number in data["samples"][1]["messages"]][-1].startswith("Copy number 1")
    assert texts[data["samples"][0]["reference"]] == '["Ada","Bob"]'


def test_traces_are_by_position_and_have_events_where_that_says_too_little():
    rows = [generation(sample(0)), remasked(sample(1)), traced(sample(2), RIGHT, [])]
    data = browser_data([run(rows)], Limits())
    plain, again = data["traces"][0]["0"], data["traces"][0]["1"]
    assert plain["ids"] == RIGHT
    assert plain["steps"] == (1, 1, 2, 2, 3, 3)
    assert plain["confidence"] == [9000, 8900, 8800, 8700, 8600, 8500]
    assert "events" not in plain
    assert [2, 1, 8, None, "r"] in again["events"]
    assert len(again["events"]) == 8
    assert "2" not in data["traces"][0]
    assert data["tokens"][data["token_table"][0]]["texts"] == {
        str(token): TOKENS.texts[token] for token in (3, 4, 5, 6, 7, 8)
    }
    assert data["tokens"][0]["special"][str(EOS)] == "eos"


def test_a_failed_answer_keeps_its_events():
    failed = replace(generation(sample(0)), status="error", output_ids=None, commit_step=None)
    data = browser_data([run([failed])], Limits())
    assert len(data["traces"][0]["0"]["events"]) == 6
    assert data["traces"][0]["0"]["ids"] is None


def test_limits_in_number():
    tasks = [f"lists/{name}" for name in "ab"]
    rows = [generation(sample(i, task)) for task in tasks for i in range(10)]
    data = browser_data([run(rows)], Limits(samples=4, traces=2))
    assert [one["id"] for one in data["samples"]] == [f"{t}/{i}" for t in tasks for i in (0, 2, 5, 7)]
    assert (data["sample_count"], data["trace_count"]) == (20, 4)
    assert sorted(data["traces"][0], key=int) == ["0", "2", "4", "6"]
    assert browser_data([run(rows)], Limits(traces=0))["traces"] == [{}]


@pytest.mark.parametrize("room", [3_000, 30_000])
def test_limits_in_bytes(room):
    rows = [generation(sample(i, prompt=f"{i} " + "x" * 100)) for i in range(200)]
    data = browser_data([run(rows)], Limits(sample_bytes=room, trace_bytes=room))
    samples = {name: data[name] for name in ("samples", "answers", "runs", "kinds", "texts")}
    assert 0 < len(data["samples"]) < 200
    assert len(orjson.dumps(samples)) <= room
    assert 0 < len(data["traces"][0]) <= len(data["samples"])
    assert sum(len(orjson.dumps(trace)) for trace in data["traces"][0].values()) <= room


def test_text_is_made_visible():
    assert visible("a\nb\tc") == "a\nb\tc"
    shown = visible(HOSTILE[2])
    assert "\\x1b[31m\\u202e\\u2028" in shown
    assert "\x1b" not in shown
    data = browser_data([run([], model="m\x07\u202e")], Limits())
    assert data["runs"][0]["model"] == "m\\x07\\u202e"
