"""What goes wrong between here and a remote model: rows, retries and errors, every call counted."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.errors import UsageError
from pbench.interfaces import GenerationSettings
from pbench.models.api import Access, open_model
from pbench.models.api.faults import without_key
from tests.models.api_formats import FORMATS, KEY, RETRIES, asked, index, quick, samples  # noqa: F401
from tests.models.api_server import Call, Response, Served, completion, message, serve

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize("form", FORMATS)
def test_retry_after_is_honoured_and_there_is_one_layer_of_retries(form):
    came: list[float] = []

    def reply(call: Call) -> Response:
        came.append(time.perf_counter())
        return form.bad(429, retry_after="0.3") if len(came) == 1 else form.good("x")

    with serve(reply) as served:
        (row,) = asked(form, served)
        ended = time.perf_counter()
    assert (row.status, row.usage["requests"], len(served.calls)) == ("ok", 2, 2)
    assert came[1] - came[0] >= 0.3
    assert row.seconds <= ended - came[0] - 0.3, "the wait is none of the model's time"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("status", "kind"), [(500, "server_error"), (503, "server_error"), (429, "rate_limit"), (408, "timeout")]
)
def test_what_stays_wrong_is_a_row_after_the_sdks_retries(form, status, kind):
    with serve(lambda call: form.bad(status, "overloaded")) as served:
        rows = asked(form, served, 2)
    assert [(row.status, row.error_kind) for row in rows] == [("error", kind)] * 2
    assert all(f"{status}: overloaded" in row.error for row in rows)
    assert [row.usage for row in rows] == [{"requests": RETRIES + 1}] * 2
    assert len(served.calls) == 2 * (RETRIES + 1)


@pytest.mark.parametrize("form", FORMATS)
def test_a_reset_connection_is_tried_again_and_then_a_row(form):
    def reply(call: Call) -> Response:
        return Response(None) if call.prompt == "q1" else form.good("x")

    with serve(reply) as served:
        rows = {row.sample.index: row for row in asked(form, served, 3)}
    assert (rows[0].status, rows[1].error_kind, rows[2].status) == ("ok", "connection", "ok")
    assert len(served.calls) == 2 + RETRIES + 1


@pytest.mark.parametrize("form", FORMATS)
def test_a_time_limit(form):
    done = threading.Event()

    def reply(call: Call) -> Response:
        if call.prompt == "q1":
            done.wait(60)  # an answer that comes at all may be there when a busy client looks for it
        return form.good("x")

    with serve(reply) as served:
        rows = {row.sample.index: row for row in asked(form, served, 2, timeout_seconds=0.2, retries=1)}
        assert (rows[1].status, rows[1].error_kind) == ("error", "timeout")
        assert "0.2 s" in rows[1].error
        assert served.came("q1", 2), "a busy server hears of a call after its client has given it up"
        done.set()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "body", [b"{not json", b"<html>", b"[]", b"{}", b'{"choices": [], "content": null}', b""]
)
def test_what_is_no_answer_is_a_row_and_not_asked_again(form, body):
    with serve(lambda call: Response(200, body)) as served:
        (row,) = asked(form, served)
    assert (row.status, row.error_kind) == ("error", "malformed")
    assert len(served.calls) == 1


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("status", "words"), [(401, "KEY"), (403, "KEY"), (404, "--base-url"), (402, "402"), (307, "307")]
)
def test_what_no_sample_would_fare_better_with_stops_at_once(form, status, words):
    reply = form.bad(status, "there is no such thing", location="/elsewhere")
    with serve(lambda call: reply) as served, pytest.raises(UsageError, match=words):
        asked(form, served, 5)
    assert len(served.calls) == 1


@pytest.mark.parametrize("form", FORMATS)
def test_a_key_that_is_revoked_on_the_way_loses_no_answer(form):
    def reply(call: Call) -> Response:
        number = int(call.prompt[1:])
        found = form.good("x") if number < 4 else form.bad(401)
        found.seconds = 0.1 if number == 3 else 0.0
        return found

    rows = []
    with serve(reply) as served:
        model = open_model(form.asked, Access(base_url=served.url + form.root, concurrency=2), live=True)
        answers = model.run(samples(20), GenerationSettings())
        with pytest.raises(UsageError, match="answered 401"):
            rows.extend(answers)
    assert {row.sample.index for row in rows} == {0, 1, 2, 3}
    assert len(served.calls) <= 7


@pytest.mark.parametrize("form", FORMATS)
def test_a_request_that_the_server_refuses_for_all_samples(form):
    reply = form.bad(400, "temperature is deprecated")
    said = pytest.raises(UsageError, match="400: temperature is deprecated; --no-temperature")
    with serve(lambda call: reply) as served, said:
        asked(form, served, 10)
    assert len(served.calls) == 3
    with serve(lambda call: form.bad(400, "too long") if call.prompt == "q0" else form.good("x")) as served:
        rows = asked(form, served, 3)
    assert [row.error_kind for row in sorted(rows, key=index)] == ["rejected", None, None]


@pytest.mark.parametrize("form", FORMATS)
def test_an_unreachable_server(form, nobody):
    with pytest.raises(UsageError, match=r"is the server there \(--base-url\)\?"):
        asked(form, Served(completion, nobody), 5)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("status", [401, 400, 500])
def test_a_key_that_the_server_repeats_is_blotted_out(form, status):
    def reply(call: Call) -> Response:
        return form.bad(status, f"the key {KEY} and its end {KEY[-16:]} are wrong")

    with serve(reply) as served:
        try:
            said = "".join(row.error for row in asked(form, served, 4, retries=0))
        except UsageError as error:
            said = str(error)
    assert "[key]" in said
    assert KEY not in said
    assert KEY[-16:] not in said


@pytest.mark.parametrize("form", FORMATS)
def test_a_key_that_the_server_gives_as_its_models_name_is_not_kept(form):
    named = message("x", model=f"m {KEY}") if form.asked == "haiku" else completion("x", model=f"m {KEY}")
    with serve(lambda call: named) as served:
        model = open_model(form.asked, Access(base_url=served.url + form.root), live=True)
        (row,) = model.run(samples(1), GenerationSettings())
    assert (row.status, model.facts()["served_models"]) == ("ok", ["m [key]"])


_KEYS = st.text("abcs-019", min_size=8, max_size=40)


@given(key=_KEYS, data=st.data())
def test_no_eight_characters_of_a_key_are_left_wherever_it_stands(key, data):
    cut = st.tuples(st.integers(0, len(key)), st.integers(0, len(key))).map(
        lambda ends: key[slice(*sorted(ends))]
    )
    text = "".join(data.draw(st.lists(st.one_of(st.just(key), cut, st.text(max_size=20)), max_size=12)))
    shown = without_key(text, key)
    assert not [at for at in range(len(key) - 7) if key[at : at + 8] in shown]
    assert len(shown) <= 300 / 8 * len("[key]") + 300 + len(" ...")


def test_a_key_is_blotted_out_whole_and_nothing_else_is():
    key = "sk-sentinel-0123456789abcdef"
    assert without_key(f"bad key  {key},\n no", key) == "bad key [key], no"
    assert without_key(f"{key[:9]}*** {key[-8:]}! {key[:7]}", key) == "[key]*** [key]! sk-sent"
    assert without_key("nothing of the kind", key) == "nothing of the kind"
    assert without_key("an EMPTY key", "EMPTY") == "an [key] key"
    assert without_key("no key at all", "") == "no key at all"
    assert without_key("x" * 1000, key) == "x" * 300 + " ..."
