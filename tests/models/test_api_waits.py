"""How long a server may make a run wait: what it asks for, up to two minutes, whatever it writes."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from pbench.models.api.waits import LONGEST_WAIT_SECONDS, bound_wait, wait_asked
from tests.models.api_formats import FORMATS, RETRIES, asked, quick  # noqa: F401
from tests.models.api_server import Call, Response, serve


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "inf"}, float("inf")),
        ({"retry-after": "9" * 5000}, float("inf")),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Fri, 31 Dec 99999 23:59:59 GMT"}, None),
        ({"retry-after": "Fri, 99 Foo 2026 23:59:59 GMT"}, None),
    ],
)
def test_what_a_server_asks_for(headers, seconds):
    assert wait_asked(headers) == seconds


def test_a_date_is_seconds_from_now():
    before = time.time()
    found = wait_asked({"retry-after": formatdate(1_900_000_000, usegmt=True)})
    assert 1_900_000_000 - time.time() <= found <= 1_900_000_000 - before


@pytest.mark.parametrize("text", ["1", "120", "0", "-5"])
def test_a_wait_within_the_limit_is_left_as_it_is(text):
    headers = {"retry-after": text}
    bound_wait(headers)
    assert headers == {"retry-after": text}


def test_one_that_cannot_be_read_leaves_the_other():
    headers = {"retry-after-ms": "x", "retry-after": "1"}
    bound_wait(headers)
    assert headers == {"retry-after": "1"}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("wait", ["1e9", "1" * 400, f"{LONGEST_WAIT_SECONDS + 1}", "far date"])
def test_nobody_waits_for_years(form, wait):
    value = formatdate(4_000_000_000, usegmt=True) if wait == "far date" else wait

    def reply(call: Call) -> Response:
        return form.good("x") if call.prompt == "q0" else form.bad(429, "slow down", retry_after=value)

    with serve(reply) as served:
        rows = {row.sample.index: row for row in asked(form, served, 2)}
    assert (rows[0].status, rows[1].error_kind) == ("ok", "rate_limit")
    assert "429: slow down (Retry-After: " in rows[1].error
    assert len(served.calls) == 2, "it is not asked again"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("wait", ["nan", "soon", "", "Fri, 31 Dec 99999 23:59:59 GMT", "-5"])
def test_what_cannot_be_read_is_the_sdks_own_back_off(form, wait):
    with serve(lambda call: form.bad(429, "slow down", retry_after=wait)) as served:
        (row,) = asked(form, served)
    assert (row.error_kind, len(served.calls)) == ("rate_limit", RETRIES + 1)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("form", FORMATS)
def test_a_date_is_waited_for(form):
    when = int(time.time()) + 2

    def reply(call: Call) -> Response:
        late = len(served.calls) > 1
        return form.good("x") if late else form.bad(503, retry_after=formatdate(when, usegmt=True))

    with serve(reply) as served:
        (row,) = asked(form, served)
        assert time.time() >= when - 0.05, "clocks of a sleep and of the day may differ a little"
    assert (row.status, len(served.calls)) == ("ok", 2)
