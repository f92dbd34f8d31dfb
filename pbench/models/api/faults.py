"""What goes wrong between here and a remote model: which of it stops the run, and how to mend it.

Both SDKs raise errors of the same make: `status_code` where the server answered, and one class
each for a time limit and for a connection that failed. Texts of servers are shortened, and the key
is taken out wherever a server repeats it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from pbench.models.api.budget import BudgetError
from pbench.models.api.endpoint import Endpoint
from pbench.models.api.reply import MalformedError
from pbench.models.api.waits import LONGEST_WAIT_SECONDS, wait_asked

__all__ = ["Fault", "fault_of", "without_key"]

_MOST_CHARACTERS = 300
_LEAST_PIECE = 8  # characters of a key in a row that no text of a server may show
_NO_ANSWER_FOR_ANY = frozenset({401, 402, 403, 404, 405})


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind` as in the row's error_kind. `fatal`: no other sample will fare better."""

    kind: str
    message: str
    fatal: bool = False


def fault_of(error: Exception, endpoint: Endpoint, key: str) -> Fault | None:
    """The fault behind an error of an SDK; None for an error that is a bug of ours."""
    text = without_key(_text(error), key)
    for each in _chain(error):
        if isinstance(each, BudgetError):
            return Fault("budget", str(each))
        if isinstance(each, MalformedError):
            return Fault("malformed", without_key(str(each), key))
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        out_of_credit = getattr(error, "code", None) == "insufficient_quota"
        return _of_status(status, text + _too_long(error), endpoint, out_of_credit)
    names = {cls.__name__ for each in _chain(error) for cls in type(each).__mro__}
    if names & {"APITimeoutError", "TimeoutException"}:
        return Fault(
            "timeout", f"{endpoint.base_url}: no answer within {endpoint.access.timeout_seconds:g} s"
        )
    if names & {"APIConnectionError", "TransportError", "EndOfStream"}:
        return Fault("connection", f"{endpoint.base_url}: {text}")
    if "APIError" in names:  # an error that came as an event of a stream
        return Fault("server_error", f"{endpoint.base_url}: {text}")
    if names & {"JSONDecodeError", "UnicodeDecodeError", "ValidationError"}:
        return Fault("malformed", f"the server's answer cannot be read: {text}")
    return None


def without_key(text: str, key: str) -> str:
    """`text` on one line, shortened, the key and any `_LEAST_PIECE` characters of it blotted out.

    A character goes if any of the pieces that hold it is the key's: pieces overlap, so that taking
    them out one after another would leave an end of the key standing.
    """
    whole = " ".join(text.split())
    text = whole[:_MOST_CHARACTERS]
    size = min(len(key), _LEAST_PIECE)
    pieces = {key[start : start + size] for start in range(len(key) - size + 1)} if key else set()
    found = [start for start in range(len(text)) if text[start : start + size] in pieces]
    gone = {start + offset for start in found for offset in range(size)}
    runs = groupby(range(len(text)), key=gone.__contains__)
    shown = "".join("[key]" if lost else "".join(text[at] for at in run) for lost, run in runs)
    return shown if text == whole else shown + " ..."


def _of_status(status: int, text: str, endpoint: Endpoint, out_of_credit: bool) -> Fault:
    said = f"{endpoint.base_url} answered {status}: {text}"
    if status in (401, 403):
        return Fault("key", f"{said}; look at the key in {endpoint.key_variable}", fatal=True)
    if status == 404:
        return Fault("not_found", f"{said}; {_other_model(endpoint)}", fatal=True)
    if status in _NO_ANSWER_FOR_ANY or 300 <= status < 400:
        return Fault("refused", said, fatal=True)
    if status == 429:
        hint = "" if out_of_credit else "; a smaller --concurrency or more --retries may do"
        return Fault("rate_limit", said + hint, fatal=out_of_credit)
    if status == 408:
        return Fault("timeout", said)
    if status >= 500 or status == 409:
        return Fault("server_error", said)
    return Fault("rejected", said + _temperature_hint(text))


def _other_model(endpoint: Endpoint) -> str:
    option = "--model-id" if endpoint.provider.model_id is not None else "openai:MODEL"
    return f"is {endpoint.model_id!r} a model of this server ({option}), and is --base-url its API's root?"


def _too_long(error: Exception) -> str:
    """Why it was not asked again, if the server wants to be left alone for longer than we wait."""
    response = getattr(error, "response", None)
    asked = None if response is None else wait_asked(response.headers)
    return f" (Retry-After: {asked:.0f} s)" if asked is not None and asked > LONGEST_WAIT_SECONDS else ""


def _temperature_hint(text: str) -> str:
    return "; --no-temperature leaves it to the server" if "temperature" in text else ""


def _text(error: BaseException) -> str:
    """What the server or the network said, without the SDK's frame where there is one."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    said = inner.get("message") if isinstance(inner, dict) else inner
    if isinstance(said, str) and said:
        return said
    causes = [str(each) for each in _chain(error) if str(each)]
    return causes[-1] if causes else type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__
