"""How long a server may make the SDK wait: `Retry-After` up to a limit, for both SDKs the same.

The SDKs try again and wait by themselves. OpenAI's takes no more than two minutes; Anthropic's
takes whatever a server says, years included, and stumbles over a date that is none.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, MutableMapping
from email.utils import mktime_tz, parsedate_tz

__all__ = ["LONGEST_WAIT_SECONDS", "bound_wait", "wait_asked"]

LONGEST_WAIT_SECONDS = 120.0
_HEADERS = (("retry-after-ms", 1000), ("retry-after", 1))  # in the order in which the SDKs look at them


def bound_wait(headers: MutableMapping[str, str]) -> None:
    """Make of an answer's headers what an SDK may follow.

    A wait beyond the limit becomes an answer that is not asked for again (both SDKs heed
    `x-should-retry`); one that cannot be read goes, so that the SDK's own back-off holds.
    """
    for name, divisor in _HEADERS:
        if name in headers and _seconds(headers[name], divisor) is None:
            del headers[name]
    asked = wait_asked(headers)
    if asked is not None and asked > LONGEST_WAIT_SECONDS:
        headers["x-should-retry"] = "false"


def wait_asked(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server wants to be left alone; None where it says nothing that can be read."""
    for name, divisor in _HEADERS:
        if name in headers:
            return _seconds(headers[name], divisor)
    return None


def _seconds(text: str, divisor: int) -> float | None:
    """A header's value, a number of seconds / `divisor` or an HTTP date, as seconds from now."""
    try:
        found = float(text) / divisor
    except ValueError:
        return _until(text) if divisor == 1 else None
    return None if math.isnan(found) else found


def _until(date: str) -> float | None:
    try:
        found = parsedate_tz(date)
        return None if found is None else mktime_tz(found) - time.time()
    except (ValueError, OverflowError, OSError, TypeError):  # a year or a zone that no clock has
        return None
