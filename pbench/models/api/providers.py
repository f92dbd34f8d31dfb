"""The providers that have a name: where they are, what holds their key, which class speaks to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["PROVIDERS", "Provider", "remote_name"]


@dataclass(frozen=True, slots=True)
class Provider:
    """A way to ask; `client` is "module:class", `package` what it needs of the extra `api`.

    `model_id` None: the user names it (`openai:MODEL`). `prices` is the provider's id in genai-prices
    and what stands there before the model's id; None: found by the base URL. `decoding` stands in the
    sampler's place where the model does not write one token after the other.
    """

    family: str
    kind: Literal["diffusion", "autoregressive"]
    package: str
    client: str
    base_url: str
    key_variable: str
    url_variable: str
    model_id: str | None = None
    prices: tuple[str, str] | None = None
    decoding: str | None = None


PROVIDERS = {
    "haiku": Provider(
        family="anthropic",
        kind="autoregressive",
        package="anthropic",
        client="pbench.models.api.anthropic_messages:AnthropicClient",
        base_url="https://api.anthropic.com",
        key_variable="ANTHROPIC_API_KEY",
        url_variable="ANTHROPIC_BASE_URL",
        model_id="claude-haiku-4-5",
        prices=("anthropic", ""),
    ),
    "mercury": Provider(
        family="mercury",
        kind="diffusion",
        package="openai",
        client="pbench.models.api.mercury:MercuryClient",
        base_url="https://api.inceptionlabs.ai/v1",
        key_variable="INCEPTION_API_KEY",
        url_variable="INCEPTION_BASE_URL",
        model_id="mercury-2",
        prices=("openrouter", "inception/"),  # Inception has no list of its own there
        decoding="diffusing",
    ),
    "openai": Provider(
        family="openai",
        kind="autoregressive",
        package="openai",
        client="pbench.models.api.openai_chat:OpenAiClient",
        base_url="https://api.openai.com/v1",
        key_variable="OPENAI_API_KEY",
        url_variable="OPENAI_BASE_URL",
    ),
}
_PREFIX = "openai:"


def remote_name(name: str) -> tuple[str, str | None] | None:
    """Key in PROVIDERS and the model's id of a `--model` for a remote model; None for any other."""
    if name.startswith(_PREFIX):
        return "openai", name.removeprefix(_PREFIX)
    return (name, None) if name in PROVIDERS and PROVIDERS[name].model_id is not None else None
