"""What a client needs to speak to one model at one address, and the protocol that clients follow."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from pbench.errors import UsageError, unknown_name
from pbench.interfaces import GenerationSettings
from pbench.models.api.access import Access, checked_url
from pbench.models.api.providers import PROVIDERS, Provider, remote_name
from pbench.models.api.reply import Reply
from pbench.records import Sample

__all__ = ["Client", "Endpoint", "make_client", "resolve"]

Hook = Callable[[Any], None]

_NO_KEY = "no-key"  # servers on a user's own machine ask for none; the SDK wants a word


class Client(Protocol):
    """One provider's SDK behind one call; used by several threads at once."""

    def check(self, settings: GenerationSettings) -> None:
        """UsageError for settings that this API has no words for."""
        ...

    def ask(self, sample: Sample, settings: GenerationSettings) -> Reply:
        """The model's reply; what goes wrong is raised as the SDK raises it, or as MalformedError."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider with all that the user, the environment and its defaults say; no key in it."""

    name: str
    provider: Provider
    model_id: str
    base_url: str
    access: Access
    hooks: Mapping[str, Hook] = field(compare=False)  # "request", "response": called around each of them

    @property
    def official(self) -> bool:
        """Whether this is the provider's own server."""
        return self.base_url == self.provider.base_url

    @property
    def key_variable(self) -> str:
        return self.access.key_variable or self.provider.key_variable

    def key(self) -> str:
        """The key, read from the environment now; UsageError without one, for servers that need it."""
        value = os.environ.get(self.key_variable, "").strip()
        if not value and self._keyless:
            return _NO_KEY
        if not value:
            raise UsageError(
                f"--model {self.name}: the environment variable {self.key_variable} holds no key"
            )
        if not (value.isascii() and value.isprintable()):
            raise UsageError(f"{self.key_variable}: holds characters that no key has")
        return value

    @property
    def _keyless(self) -> bool:
        """A server of the user's choice that may ask for no key, unless one was named."""
        return self.provider.family == "openai" and not self.official and self.access.key_variable is None


def resolve(asked: str, access: Access, hooks: Mapping[str, Hook]) -> Endpoint:
    """The endpoint of `--model ASKED`; its name is the model's id where the user gave one."""
    found = remote_name(asked)
    if found is None:
        raise unknown_name("remote model", asked, filter(remote_name, PROVIDERS))
    provider, named = PROVIDERS[found[0]], found[1]
    if named is not None and access.model_id is not None:
        raise UsageError(f"--model-id: {asked} names the model already")
    wanted = named or access.model_id or provider.model_id
    if not wanted:
        raise UsageError("--model openai: needs the model's id behind the colon: openai:MODEL")
    url = access.base_url or os.environ.get(provider.url_variable) or provider.base_url
    name = named or access.model_id or asked
    return Endpoint(name, provider, wanted, checked_url(url), access, hooks)


def make_client(endpoint: Endpoint) -> Client:
    """The provider's client; UsageError if its SDK is not installed or there is no key."""
    if find_spec(endpoint.provider.package) is None:
        raise UsageError(
            f"--model {endpoint.name}: the package {endpoint.provider.package} is not installed;"
            " pip install 'pbench[api]'"
        )
    module, _, attribute = endpoint.provider.client.partition(":")
    made: Client = getattr(import_module(module), attribute)(endpoint)
    return made
