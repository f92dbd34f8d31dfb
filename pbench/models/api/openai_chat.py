"""Chat completions in OpenAI's wire format, which vLLM, SGLang, LMDeploy, Diffulex and llama.cpp speak."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import openai

from pbench.errors import UsageError
from pbench.interfaces import GenerationSettings
from pbench.models.api.endpoint import Endpoint
from pbench.models.api.reply import MalformedError, Reply, Stop, count_of, name_of, reading, text_of
from pbench.records import Sample

__all__ = ["OpenAiClient", "counts_of", "nfe_of_chunk", "reply_of", "stop_of"]

_STOPS: dict[str | None, Stop] = {
    "stop": "end",
    "length": "length",
    "content_filter": "refusal",
    None: "end",  # some servers leave it out of a whole answer; of a stream it is asked for
}


class OpenAiClient:
    """See `pbench.models.api.endpoint.Client`."""

    def __init__(self, endpoint: Endpoint):
        self._endpoint = endpoint
        self._sdk = openai.OpenAI(
            api_key=endpoint.key(),
            base_url=endpoint.base_url,
            timeout=openai.Timeout(endpoint.access.timeout_seconds, connect=endpoint.access.connect_seconds),
            max_retries=endpoint.access.retries,
            # A key goes nowhere but to the server that the user named.
            http_client=openai.DefaultHttpxClient(
                event_hooks={name: [hook] for name, hook in endpoint.hooks.items()}, follow_redirects=False
            ),
        )

    def check(self, settings: GenerationSettings) -> None:
        if settings.top_k is not None and self._endpoint.official:
            raise UsageError(f"--top-k: the API of {self._endpoint.name} has no such option")

    def ask(self, sample: Sample, settings: GenerationSettings) -> Reply:
        body = self.body(sample, settings)
        if self._endpoint.access.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
            with self._sdk.chat.completions.create(**body) as chunks, reading():
                return _joined(chunks)
        completion = self._sdk.chat.completions.create(**body)
        with reading():
            return reply_of(completion)

    def close(self) -> None:
        self._sdk.close()

    def body(self, sample: Sample, settings: GenerationSettings) -> dict[str, Any]:
        """The request as keywords of the SDK."""
        room = "max_completion_tokens" if self._endpoint.official and self._openai else "max_tokens"
        found: dict[str, Any] = {
            "model": self._endpoint.model_id,
            "messages": [dict(message) for message in sample.messages],
            room: sample.gen_length,
        }
        if self._endpoint.access.send_temperature:
            found["temperature"] = settings.temperature
            if settings.temperature > 0 and self._openai:
                found["seed"] = settings.seed
        if settings.top_p is not None:
            found["top_p"] = settings.top_p
        if settings.top_k is not None:
            found["extra_body"] = {"top_k": settings.top_k}
        return found

    @property
    def _openai(self) -> bool:
        return self._endpoint.provider.family == "openai"


def reply_of(completion: Any) -> Reply:
    """A whole completion; MalformedError for what is none."""
    choices = getattr(completion, "choices", None)
    if not isinstance(choices, list) or not choices or choices[0].message is None:
        raise MalformedError("the server's answer is no chat completion")
    choice = choices[0]
    text, refusal = text_of(choice.message.content), text_of(getattr(choice.message, "refusal", None))
    return Reply(
        text=text or refusal,
        stop="refusal" if refusal else stop_of(choice.finish_reason),
        **counts_of(completion.usage),
        nfe=nfe_of(completion, choice, choice.message, completion.usage),
        served=name_of(completion.model),
    )


def stop_of(reason: str | None) -> Stop:
    """Why the answer ended; MalformedError for an end that a plain question cannot have."""
    if reason not in _STOPS:
        raise MalformedError(f"the answer ended with finish_reason {reason!r}")
    return _STOPS[reason]


def counts_of(usage: Any) -> dict[str, int | None]:
    """Tokens of prompt and answer, None where the server does not say."""
    names = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
    return {ours: count_of(getattr(usage, theirs, None)) for ours, theirs in names.items()}


def nfe_of(*places: Any) -> int | None:
    """The `nfe` that a server of diffusion models sends (Diffulex does), wherever in the answer it stands."""
    for place in places:
        value = count_of(getattr(place, "nfe", None))
        if value is not None:
            return value
    return None


def nfe_of_chunk(chunk: Any, before: int | None) -> int | None:
    """The same of a piece of a stream; `before` where it says nothing."""
    found = nfe_of(chunk, chunk.usage, *(chunk.choices or ()))
    return before if found is None else found


def _joined(chunks: Iterable[Any]) -> Reply:
    """The pieces of a stream as one reply; MalformedError if it breaks off before its end."""
    pieces: list[str] = []
    refusal: list[str] = []
    stop = usage = nfe = served = None
    for chunk in chunks:
        usage, served = chunk.usage or usage, chunk.model or served
        nfe = nfe_of_chunk(chunk, nfe)
        for choice in (chunk.choices or ())[:1]:
            pieces.append(text_of(choice.delta.content))
            refusal.append(text_of(choice.delta.refusal))
            stop = choice.finish_reason or stop
    if stop is None:
        raise MalformedError("the stream broke off before the answer's end")
    said = "".join(refusal)
    return Reply(
        text="".join(pieces) or said,
        stop="refusal" if said else stop_of(stop),
        **counts_of(usage),
        nfe=nfe,
        served=name_of(served),
    )
