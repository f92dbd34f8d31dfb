"""Remote models against servers on this machine: answers, statuses, budgets and names."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pbench.errors import UsageError
from pbench.interfaces import GenerationSettings
from pbench.models import find_model, load_model
from pbench.models.api import Access, Budget, FixedPrice, open_model
from tests.models.api_formats import (
    ANTHROPIC,
    FORMATS,
    KEY,
    OPENAI,
    Format,
    asked,
    index,
    quick,  # noqa: F401 - a fixture
    samples,
)
from tests.models.api_server import Call, Response, chunks, completion, serve

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize("form", FORMATS)
def test_an_answer_becomes_a_row(form):
    with serve(lambda call: form.good('["A B"]')) as served:
        started = time.perf_counter()
        (row,) = asked(form, served, price=FixedPrice.parse("1/2"))
        ended = time.perf_counter()
    (call,) = served.calls
    assert call.path == form.path
    assert call.body["temperature"] == 0.0
    assert call.body["max_tokens"] == 16
    assert call.prompt == "q0"
    assert KEY in (
        call.headers.get("x-api-key"),
        call.headers.get("authorization", "").removeprefix("Bearer "),
    )
    assert (row.status, row.output_text, row.nfe) == ("ok", '["A B"]', None)
    assert row.usage == {"requests": 1, "input_tokens": 10, "output_tokens": 5, "cost_nanousd": 20_000}
    assert (row.input_length, row.gen_length, row.content_length) == (10, 5, 5)
    assert 0 < row.seconds <= ended - started


def test_the_system_prompt_stands_where_each_format_wants_it():
    with serve(lambda call: ANTHROPIC.good("x")) as served:
        asked(ANTHROPIC, served)
    assert served.calls[0].body["system"] == "Be brief."
    assert [each["role"] for each in served.calls[0].body["messages"]] == ["user"]
    with serve(lambda call: OPENAI.good("x")) as served:
        asked(OPENAI, served)
    assert [each["role"] for each in served.calls[0].body["messages"]] == ["system", "user"]
    assert served.calls[0].body["model"] == "some/model"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("text", "end", "status"),
    [
        ("", "end", "empty"),
        (" \n", "end", "empty"),
        ('["A', "length", "truncated"),
        ("no", "refusal", "refusal"),
    ],
)
def test_ends_that_are_statuses_of_their_own(form, text, end, status):
    with serve(lambda call: form.good(text, end)) as served:
        (row,) = asked(form, served)
    assert (row.status, row.output_text, row.error) == (status, text, None)


def test_a_refusal_in_its_own_field():
    with serve(lambda call: completion(None, message={"refusal": "I will not."})) as served:
        (row,) = asked(OPENAI, served)
    assert (row.status, row.output_text) == ("refusal", "I will not.")


@pytest.mark.parametrize("form", FORMATS)
def test_a_stream_is_the_same_answer(form):
    with serve(lambda call: form.streamed(['["A', ' B"]'])) as served:
        (row,) = asked(form, served, stream=True)
    assert served.calls[0].body["stream"] is True
    assert (row.status, row.output_text, row.usage["output_tokens"]) == ("ok", '["A B"]', 5)
    with serve(lambda call: form.streamed(["a"], "length")) as served:
        (row,) = asked(form, served, stream=True)
    assert row.status == "truncated"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("cut", [True, False])
def test_half_a_stream_is_no_answer(form, cut):
    with serve(lambda call: form.streamed(["half"], None, cut=cut)) as served:
        (row,) = asked(form, served, stream=True)
    assert (row.status, row.output_text) == ("error", "")
    assert row.error_kind in ("connection", "malformed")
    assert len(served.calls) == 1


@pytest.mark.parametrize("value", [7, 0])
@pytest.mark.parametrize("place", ["top", "usage", "message"])
def test_nfe_is_recorded_where_a_server_sends_it(value, place):
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    more: dict[str, Any] = {
        "top": {"nfe": value},
        "usage": {"usage": usage | {"nfe": value}},
        "message": {"message": {"nfe": value}},
    }[place]
    with serve(lambda call: completion("x", **more)) as served:
        (row,) = asked(OPENAI, served)
    assert row.nfe == value


@pytest.mark.parametrize("form", FORMATS)
def test_no_more_at_a_time_than_asked_for(form):
    def reply(call: Call) -> Response:
        end = time.monotonic() + (0.0 if call.prompt == "q0" else 60.0)
        while served.most < 3 and time.monotonic() < end:
            time.sleep(0.005)
        found = form.good("x")
        found.seconds = 0.02  # for a fourth one to come
        return found

    with serve(reply) as served:
        rows = asked(form, served, 16, concurrency=3)
    assert len(rows) == len(served.calls) == 16
    assert served.most == 3


@pytest.mark.parametrize("form", FORMATS)
def test_max_requests_counts_retries_too(form):
    with serve(lambda call: form.bad(500) if call.prompt == "q2" else form.good("x")) as served:
        rows = asked(form, served, 8, budget=Budget(max_requests=5), concurrency=1)
    assert len(served.calls) == 5
    kinds = [row.error_kind for row in sorted(rows, key=index)]
    assert kinds == [None, None, "server_error"] + ["budget"] * 5
    assert "--max-requests 5" in rows[-1].error


@pytest.mark.parametrize("form", FORMATS)
def test_max_requests_ends_the_retries(form):
    with serve(lambda call: form.bad(500)) as served:
        rows = asked(form, served, 2, budget=Budget(max_requests=2))
    assert len(served.calls) == 2
    assert [row.error_kind for row in rows] == ["budget", "budget"]


def test_max_cost_is_never_passed_whatever_is_on_its_way():
    # 10 tokens in and 5 out cost 20 USD; what an answer may cost at most is reserved before.
    price = FixedPrice.parse("1000000/2000000")
    budget = Budget(max_cost=600.0)
    with serve(lambda call: OPENAI.good("x")) as served:
        rows = asked(OPENAI, served, 60, price=price, budget=budget, concurrency=4)
    assert budget.spent == 20 * len(served.calls) <= 600
    done = [row for row in rows if row.status == "ok"]
    assert len(done) == len(served.calls) > 10
    assert {row.error_kind for row in rows if row.status == "error"} == {"budget"}
    assert "--max-cost 600" in next(row.error for row in rows if row.error)


def test_max_cost_without_a_price_is_refused():
    with pytest.raises(UsageError, match="no price is known for 'some/model'"):
        open_model(
            OPENAI.asked, Access(base_url="http://127.0.0.1:9/v1", budget=Budget(max_cost=1)), live=False
        )


def test_a_listed_price_and_the_estimate_before_anything_is_asked():
    model = open_model("haiku", Access(), live=False)
    found = model.estimate(samples(10))
    assert (found.requests, found.output_tokens) == (10, 160)
    assert found.price.startswith("genai-prices")
    assert "claude-haiku-4-5" in found.price
    assert 0 < found.cost < 0.01
    assert open_model("mercury", Access(), live=False).estimate(samples(1)).cost > 0
    assert open_model("openai:x", Access(base_url="http://127.0.0.1:9"), live=False).estimate([]).cost is None


def test_an_answer_without_usage_has_no_cost_but_stands_in_the_budget():
    budget = Budget(max_cost=1.0)
    with serve(lambda call: completion("x", usage=None)) as served:
        (row,) = asked(OPENAI, served, price=FixedPrice.parse("1/1"), budget=budget)
    assert row.usage == {"requests": 1}
    assert (row.gen_length, row.content_length) == (16, None)
    assert budget.spent > 0


@pytest.mark.parametrize("form", FORMATS)
def test_an_answer_that_cannot_be_read_stands_in_the_budget_at_its_most(form):
    budget = Budget(max_cost=1.0)
    with serve(lambda call: Response(200, b"{}")) as served:
        asked(form, served, price=FixedPrice.parse("1/1"), budget=budget)
    assert budget.spent > 0
    budget = Budget(max_cost=1.0)
    with serve(lambda call: form.bad(500)) as served:
        asked(form, served, price=FixedPrice.parse("1/1"), budget=budget)
    assert budget.spent == 0


MERCURY = Format("mercury", "INCEPTION_API_KEY", "/v1/chat/completions", "/v1")


def test_mercurys_states_are_counted_as_states():
    with serve(lambda call: chunks(["[??]", '["A ?"]', '["A B"]'])) as served:
        (row,) = asked(MERCURY, served)
    body = served.calls[0].body
    assert (body["diffusing"], body["stream"], body["model"]) == (True, True, "mercury-2")
    assert row.output_text == '["A B"]'
    assert (row.usage["streamed_states"], row.usage["output_tokens"], row.nfe) == (3, 5, None)


def test_half_a_stream_of_mercury_is_no_answer():
    with serve(lambda call: chunks(["[?", '["A'], None)) as served:
        (row,) = asked(MERCURY, served)
    assert (row.status, row.error_kind) == ("error", "malformed")


def test_options_reach_the_server_in_its_own_words():
    settings = GenerationSettings(temperature=0.7, top_p=0.9, top_k=5, seed=3)
    with serve(lambda call: OPENAI.good("x")) as served:
        asked(OPENAI, served, settings=settings)
    body = served.calls[0].body
    assert (body["temperature"], body["top_p"], body["top_k"], body["seed"]) == (0.7, 0.9, 5, 3)
    with serve(lambda call: ANTHROPIC.good("x")) as served:
        asked(ANTHROPIC, served, settings=settings, send_temperature=False)
    body = served.calls[0].body
    assert "temperature" not in body
    assert (body["top_p"], body["top_k"]) == (0.9, 5)
    with serve(lambda call: chunks(["x"])) as served, pytest.raises(UsageError, match="--top-k"):
        asked(MERCURY, served, settings=settings)
    assert served.calls == []


def test_no_key_is_an_error_before_anything_is_asked(monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with serve(lambda call: ANTHROPIC.good("x")) as served:
        with pytest.raises(UsageError, match="ANTHROPIC_API_KEY holds no key"):
            asked(ANTHROPIC, served)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-\u00e9")
        with pytest.raises(UsageError, match="characters that no key has"):
            asked(ANTHROPIC, served)
        monkeypatch.delenv("OPENAI_API_KEY")
        with pytest.raises(UsageError, match="MY_KEY holds no key"):
            asked(OPENAI, served, key_variable="MY_KEY")
    assert served.calls == []


def test_a_server_of_ones_own_needs_no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with serve(lambda call: OPENAI.good("x")) as served:
        assert asked(OPENAI, served)[0].status == "ok"


@pytest.mark.parametrize(
    "url",
    ["ftp://x/v1", "x", "http://", "http://user:secret@h/v1", "http://h/v1?key=secret", "http://h:99999/v1"],
)
def test_a_base_url_that_cannot_be(url):
    with pytest.raises(UsageError, match="--base-url") as caught:
        open_model("openai:x", Access(base_url=url), live=False)
    assert "secret" not in str(caught.value)


def test_names_of_remote_models():
    assert find_model("haiku").family == "anthropic"
    assert find_model("mercury").kind == "diffusion"
    info = find_model("openai:Org/M", access=Access(base_url="http://127.0.0.1:9/v1/"))
    assert dict(load_model(info, "meta").identity) == {
        "name": "Org/M",
        "family": "openai",
        "model": "Org/M",
        "base_url": "http://127.0.0.1:9/v1",
    }
    chosen = load_model(find_model("haiku", access=Access(model_id="claude-x")), "meta")
    assert (chosen.identity["name"], chosen.identity["model"]) == ("claude-x", "claude-x")
    with pytest.raises(UsageError, match="openai:MODEL"):
        load_model(find_model("openai:"), "meta")
    with pytest.raises(UsageError, match="names the model already"):
        load_model(find_model("openai:x", access=Access(model_id="y")), "meta")
    with pytest.raises(UsageError, match="did you mean 'mercury'"):
        find_model("mercuri")


@pytest.mark.parametrize("text", ["1", "a/b", "1/-2", "nan/1", "1/inf", "/"])
def test_a_price_that_is_none(text):
    with pytest.raises(UsageError, match="--price"):
        FixedPrice.parse(text)
