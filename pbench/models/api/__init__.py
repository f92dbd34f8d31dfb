"""Models behind an API: asked over the network with the provider's own SDK, never loaded here."""

from __future__ import annotations

from pbench.models.api.access import Access
from pbench.models.api.budget import Budget
from pbench.models.api.model import ApiModel, open_model
from pbench.models.api.prices import FixedPrice
from pbench.models.api.providers import PROVIDERS, Provider, remote_name

__all__ = [
    "PROVIDERS",
    "Access",
    "ApiModel",
    "Budget",
    "FixedPrice",
    "Provider",
    "open_model",
    "remote_name",
]
