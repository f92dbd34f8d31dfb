"""Claude over Anthropic's Messages API, with Anthropic's SDK.

The SDK has no word for temperature any more; it is sent as a further field of the body, because
without it an answer is drawn at temperature 1. Models that refuse it need `--no-temperature`.
"""

from __future__ import annotations

from typing import Any

import anthropic

from pbench.interfaces import GenerationSettings
from pbench.models.api.budget import BudgetError
from pbench.models.api.endpoint import Endpoint
from pbench.models.api.reply import MalformedError, Reply, Stop, count_of, name_of, reading, text_of
from pbench.records import Sample

__all__ = ["AnthropicClient"]

_STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}


class _SpentError(anthropic.AnthropicError):
    """A BudgetError in a class that the SDK passes on as it is, instead of trying again."""


class AnthropicClient:
    """See `pbench.models.api.endpoint.Client`."""

    def __init__(self, endpoint: Endpoint):
        self._endpoint = endpoint
        self._sdk = anthropic.Anthropic(
            api_key=endpoint.key(),
            base_url=endpoint.base_url,
            timeout=anthropic.Timeout(
                endpoint.access.timeout_seconds, connect=endpoint.access.connect_seconds
            ),
            max_retries=endpoint.access.retries,
            # A key goes nowhere but to the server that the user named.
            http_client=anthropic.DefaultHttpxClient(
                event_hooks={"request": [self._on_request], "response": [endpoint.hooks["response"]]},
                follow_redirects=False,
            ),
        )

    def check(self, settings: GenerationSettings) -> None:
        """Everything that settings can hold has a word here."""

    def ask(self, sample: Sample, settings: GenerationSettings) -> Reply:
        body = self._body(sample, settings)
        if self._endpoint.access.stream:
            with self._sdk.messages.stream(**body) as stream, reading():
                return _reply(stream.get_final_message())
        message = self._sdk.messages.create(**body)
        with reading():
            return _reply(message)

    def close(self) -> None:
        self._sdk.close()

    def _body(self, sample: Sample, settings: GenerationSettings) -> dict[str, Any]:
        system = [message["content"] for message in sample.messages if message["role"] == "system"]
        drawing: dict[str, Any] = {"top_p": settings.top_p, "top_k": settings.top_k}
        if self._endpoint.access.send_temperature:
            drawing["temperature"] = settings.temperature
        found: dict[str, Any] = {
            "model": self._endpoint.model_id,
            "max_tokens": sample.gen_length,
            "messages": [dict(message) for message in sample.messages if message["role"] != "system"],
            "extra_body": {name: value for name, value in drawing.items() if value is not None},
        }
        return found | ({"system": "\n\n".join(system)} if system else {})

    def _on_request(self, request: Any) -> None:
        try:
            self._endpoint.hooks["request"](request)
        except BudgetError as error:
            raise _SpentError(str(error)) from error


def _reply(message: Any) -> Reply:
    """A whole message; MalformedError for what is none."""
    blocks = getattr(message, "content", None)
    if not isinstance(blocks, list):
        raise MalformedError("the server's answer is no message")
    if message.stop_reason not in _STOPS:
        raise MalformedError(f"the answer ended with stop_reason {message.stop_reason!r}")
    usage = message.usage
    return Reply(
        text="".join(text_of(block.text) for block in blocks if block.type == "text"),
        stop=_STOPS[message.stop_reason],
        input_tokens=count_of(getattr(usage, "input_tokens", None)),
        output_tokens=count_of(getattr(usage, "output_tokens", None)),
        served=name_of(message.model),
    )
