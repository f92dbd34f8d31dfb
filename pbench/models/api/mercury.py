"""Mercury, Inception's diffusion model: OpenAI's wire format, streamed with its `diffusing` option.

With it each piece of the stream is a state of the whole answer, which takes the place of the one
before. The states are counted as what they are: how many forward passes lie between two of them
the API does not say, so that the NFE is unknown (ParallelBench's own code took one for the other).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pbench.errors import UsageError
from pbench.interfaces import GenerationSettings
from pbench.models.api.openai_chat import OpenAiClient, counts_of, nfe_of_chunk, stop_of
from pbench.models.api.reply import MalformedError, Reply, name_of, reading, text_of
from pbench.records import Sample

__all__ = ["MercuryClient"]


class MercuryClient(OpenAiClient):
    """See `pbench.models.api.endpoint.Client`."""

    def check(self, settings: GenerationSettings) -> None:
        if settings.top_k is not None:
            raise UsageError(f"--top-k: the API of {self._endpoint.name} has no such option")

    def ask(self, sample: Sample, settings: GenerationSettings) -> Reply:
        body = self.body(sample, settings) | {
            "stream": True,
            "stream_options": {"include_usage": True},
            "extra_body": {"diffusing": True},
        }
        with self._sdk.chat.completions.create(**body) as chunks, reading():
            return _last_state(chunks)


def _last_state(chunks: Iterable[Any]) -> Reply:
    """The last state is the answer; MalformedError if the stream breaks off before its end."""
    text, states = "", 0
    stop = usage = nfe = served = None
    for chunk in chunks:
        usage, served = chunk.usage or usage, chunk.model or served
        nfe = nfe_of_chunk(chunk, nfe)
        for choice in (chunk.choices or ())[:1]:
            if state := text_of(choice.delta.content):
                text, states = state, states + 1
            stop = choice.finish_reason or stop
    if stop is None:
        raise MalformedError("the stream broke off before the answer's end")
    return Reply(text, stop_of(stop), **counts_of(usage), nfe=nfe, states=states, served=name_of(served))
