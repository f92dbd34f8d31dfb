"""What a remote model said, in one form for all providers, and the row that it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pbench.records import Generation, Sample, Status

__all__ = ["Call", "MalformedError", "Reply", "Stop", "answered", "failed"]

Stop = Literal["end", "length", "refusal"]


class MalformedError(Exception):
    """The server answered something that is no answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`stop` is why the text ends; token counts, `nfe` and `served` (the model's own name) as sent.

    `states` counts the streamed states of a diffusion model. None: the server does not say.
    """

    text: str
    stop: Stop
    input_tokens: int | None = None
    output_tokens: int | None = None
    nfe: int | None = None
    states: int | None = None
    served: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """How it went: seconds since the last request was sent, requests with retries, US dollars."""

    seconds: float | None
    requests: int
    cost: Decimal | None = None


def answered(sample: Sample, reply: Reply, call: Call, seed: int) -> Generation:
    """The row of a reply. Its gen_length is what was written where the server counts tokens."""
    tokens = {
        "requests": call.requests,
        "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens,
        "streamed_states": reply.states,
        "cost_nanousd": None if call.cost is None else round(call.cost * 10**9),
    }
    return Generation(
        sample=sample,
        status=_status(reply),
        output_text=reply.text,
        input_length=reply.input_tokens,
        gen_length=reply.output_tokens or sample.gen_length,
        content_length=reply.output_tokens,
        nfe=reply.nfe,
        seconds=call.seconds,
        seed=seed,
        usage={name: count for name, count in tokens.items() if count is not None},
    )


def failed(sample: Sample, kind: str, message: str, call: Call, seed: int) -> Generation:
    """The row that stands for an answer that could not be had."""
    return Generation(
        sample=sample,
        status="error",
        output_text="",
        error_kind=kind,
        error=message,
        gen_length=sample.gen_length,
        seconds=call.seconds,
        seed=seed,
        usage={"requests": call.requests},
    )


def _status(reply: Reply) -> Status:
    if reply.stop == "refusal":
        return "refusal"
    if reply.stop == "length":
        return "truncated"
    return "ok" if reply.text.strip() else "empty"
