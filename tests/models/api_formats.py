"""Both wire formats for the tests of remote models: how to ask, and how a server says things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from pbench.interfaces import GenerationSettings
from pbench.models.api import Access, open_model
from pbench.records import Generation, Sample
from tests.models.api_server import Response, Served, answer, chunks, completion, events, message

KEY = "sk-sentinel-0123456789abcdef"
RETRIES = 2


@dataclass(frozen=True)
class Format:
    """One wire format: how to ask for it, and how its server says things."""

    asked: str
    variable: str
    path: str
    root: str

    def good(self, text: str, end: str = "end") -> Response:
        if self.asked == "haiku":
            return message(text, {"end": "end_turn", "length": "max_tokens", "refusal": "refusal"}[end])
        return completion(text, {"end": "stop", "length": "length", "refusal": "content_filter"}[end])

    def streamed(self, texts: list[str], end: str | None = "end", *, cut: bool = False) -> Response:
        if self.asked == "haiku":
            return events(texts, end and {"end": "end_turn", "length": "max_tokens"}[end], cut=cut)
        return chunks(texts, end and {"end": "stop", "length": "length"}[end], cut=cut)

    def bad(self, status: int, text: str = "no", **headers: str) -> Response:
        error = {"type": "some_error", "message": text}
        return answer({"type": "error", "error": error}, status, **headers)


OPENAI = Format("openai:some/model", "OPENAI_API_KEY", "/v1/chat/completions", "/v1")
ANTHROPIC = Format("haiku", "ANTHROPIC_API_KEY", "/v1/messages", "")
FORMATS = [pytest.param(OPENAI, id="openai"), pytest.param(ANTHROPIC, id="anthropic")]


@pytest.fixture
def quick(monkeypatch):
    """Keys in the environment, and the SDKs' back-off in milliseconds."""
    import anthropic._base_client
    import openai._base_client

    for module in (openai._base_client, anthropic._base_client):
        monkeypatch.setattr(module, "INITIAL_RETRY_DELAY", 0.001)
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "INCEPTION_API_KEY"):
        monkeypatch.setenv(variable, KEY)
    for variable in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "INCEPTION_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)


def samples(count: int) -> list[Sample]:
    return [
        Sample(
            sample_id=f"t/{number}",
            task="t",
            category="c",
            index=number,
            messages=({"role": "system", "content": "Be brief."}, {"role": "user", "content": f"q{number}"}),
            answer=[],
            gen_length=16,
            metric="list_match",
            headline="score",
        )
        for number in range(count)
    ]


def index(row: Generation) -> int:
    return row.sample.index


def asked(
    form: Format,
    served: Served,
    count: int = 1,
    settings: GenerationSettings | None = None,
    **access: Any,
) -> list[Generation]:
    model = open_model(form.asked, Access(base_url=served.url + form.root, **access), live=True)
    return list(model.run(samples(count), settings or GenerationSettings()))
