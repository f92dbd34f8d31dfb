"""How a remote model is reached and what asking it may cost, as the command line says; plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pbench.errors import UsageError
from pbench.models.api.budget import Budget
from pbench.models.api.prices import Price

__all__ = ["Access", "checked_url"]

_CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Access:
    """`model_id` and `base_url` None: the provider's own; they and `send_temperature` decide answers.

    `key_variable` names the environment variable that holds the key, which is read when it is needed
    and kept nowhere. `timeout_seconds` is for one attempt; `retries` are the SDK's.
    """

    model_id: str | None = None
    base_url: str | None = None
    key_variable: str | None = None
    send_temperature: bool = True
    stream: bool = False
    concurrency: int = 4
    timeout_seconds: float = 120.0
    retries: int = 2
    price: Price | None = None
    budget: Budget = field(default_factory=Budget, compare=False)

    @property
    def connect_seconds(self) -> float:
        """How long to wait for a server to be there at all."""
        return min(self.timeout_seconds, _CONNECT_SECONDS)


def checked_url(url: str) -> str:
    """The URL without a final slash; UsageError for one that is none or that carries a secret."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise UsageError("--base-url: not a URL; write http://HOST:PORT/v1") from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError("--base-url: no user, password or query in it; the key is read from the environment")
    if not fine:
        raise UsageError(f"--base-url {url!r}: not a URL; write http://HOST:PORT/v1")
    return url.rstrip("/")
