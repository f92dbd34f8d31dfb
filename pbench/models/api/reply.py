"""What a remote model said, in one form for all providers, and the row that it becomes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from pbench.records import Generation, Sample, Status

__all__ = [
    "Call",
    "MalformedError",
    "Reply",
    "Stop",
    "answered",
    "count_of",
    "failed",
    "name_of",
    "reading",
    "text_of",
]

Stop = Literal["end", "length", "refusal"]

_MOST_COUNTED = 2**31
# What reading a value of another type than expected ends with, here and in the SDKs, which take
# answers as they come.
_STUMBLES = (AssertionError, AttributeError, LookupError, OverflowError, TypeError, ValueError)


class MalformedError(Exception):
    """The server answered something that is no answer."""


@contextmanager
def reading() -> Iterator[None]:
    """MalformedError for whatever an answer of unexpected types makes its reader stumble over."""
    try:
        yield
    except _STUMBLES as error:
        raise MalformedError(
            f"the server's answer cannot be read: {type(error).__name__}: {error}"
        ) from error


def text_of(value: Any) -> str:
    """A text as sent, empty where there is none; MalformedError for anything else."""
    if value is None or isinstance(value, str):
        return value or ""
    raise MalformedError("the answer's content is no text")


def count_of(value: Any) -> int | None:
    """A count as sent; None where the server says none, or what cannot be one."""
    fine = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_COUNTED
    return value if fine else None


def name_of(value: Any) -> str | None:
    """A name as sent, None where there is none."""
    return value if isinstance(value, str) and value else None


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
