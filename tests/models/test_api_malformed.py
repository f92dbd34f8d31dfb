"""Answers of a wrong make: each place of a right answer holds something else once, and is a row."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pbench.artifacts import read_rows, write_artifact
from pbench.interfaces import GenerationSettings
from pbench.models.api import Access, FixedPrice, open_model
from tests.models.api_formats import ANTHROPIC, OPENAI, Format, quick, samples  # noqa: F401
from tests.models.api_server import Call, Response, chunks, completion, serve

# The SDK of Anthropic writes a stream's message anew, and its own library warns of what is in it.
pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.filterwarnings("ignore:Pydantic serializer")]

MERCURY = Format("mercury", "INCEPTION_API_KEY", "/v1/chat/completions", "/v1")
ODD: list[Any] = [None, 7, "x", [], {"a": 1}, 10**30]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from places(value[key], (*path, key))


def variants(right: Any) -> Iterator[Any]:
    """The right one first, then with each value taken out or another in its place."""
    yield right
    for path in places(right):
        for number in range(len(ODD) + 1):
            changed = copy.deepcopy(right)
            holder = changed
            for key in path[:-1]:
                holder = holder[key]
            if number == len(ODD):
                del holder[path[-1]]
            else:
                holder[path[-1]] = ODD[number]
            yield changed


def events_of(response: Response) -> list[Any]:
    """A stream's events; Anthropic's begin with their names, which are not touched."""
    lines = b"".join(response.pieces or []).decode().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def stream_of(events: list[Any]) -> Response:
    pieces = []
    for event in events:
        name = event.get("type") if isinstance(event, dict) else None
        head = f"event: {name}\n" if isinstance(name, str) else ""
        pieces.append(f"{head}data: {json.dumps(event)}\n\n".encode())
    return Response(pieces=pieces)


def body_of(right: Any) -> Response:
    return Response(200, json.dumps(right).encode())


@pytest.mark.parametrize(
    ("form", "stream"),
    [(OPENAI, False), (OPENAI, True), (MERCURY, False), (ANTHROPIC, False), (ANTHROPIC, True)],
    ids=["openai", "openai streamed", "mercury", "anthropic", "anthropic streamed"],
)
def test_whatever_a_server_says_is_a_row(form: Format, stream: bool, tmp_path: Path) -> None:
    streamed = stream or form is MERCURY
    right = form.streamed(["x"]) if stream else chunks(["x"]) if form is MERCURY else form.good("x")
    answers = list(variants(events_of(right) if streamed else json.loads(right.body)))

    def reply(call: Call) -> Response:
        changed = answers[int(call.prompt[1:])]
        return stream_of(changed) if streamed else body_of(changed)

    with serve(reply) as served:
        access = Access(
            base_url=served.url + form.root, stream=stream, retries=0, price=FixedPrice.parse("1/2")
        )
        model = open_model(form.asked, access, live=True)
        rows = list(model.run(samples(len(answers)), GenerationSettings()))
    assert len(rows) == len(served.calls) == len(answers)
    by_index = {row.sample.index: row for row in rows}
    assert (by_index[0].status, by_index[0].output_text) == ("ok", "x")
    assert {row.error_kind for row in rows} == {None, "malformed"}
    assert all(isinstance(row.output_text, str) for row in rows)
    assert all(isinstance(name, str) for name in model.facts()["served_models"])
    path = write_artifact(tmp_path / "run.parquet", "generations", rows, {})
    assert len(list(read_rows(path, "generations"))) == len(rows)


@pytest.mark.parametrize("count", ["many", -1, 10**30, 1.5])
def test_a_count_that_is_none_is_unknown(count: Any) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": 5, "total_tokens": 5}
    with serve(lambda call: completion("x", usage=usage, nfe=count)) as served:
        model = open_model(OPENAI.asked, Access(base_url=served.url + OPENAI.root), live=True)
        (row,) = model.run(samples(1), GenerationSettings())
    assert (row.status, row.input_length, row.content_length, row.nfe) == ("ok", None, 5, None)


def test_no_forward_pass_is_a_number_in_a_stream_too() -> None:
    stream = stream_of([event | {"nfe": 0} for event in events_of(chunks(["x"]))])
    with serve(lambda call: stream) as served:
        model = open_model(OPENAI.asked, Access(base_url=served.url + OPENAI.root, stream=True), live=True)
        (row,) = model.run(samples(1), GenerationSettings())
    assert (row.status, row.nfe) == ("ok", 0)
