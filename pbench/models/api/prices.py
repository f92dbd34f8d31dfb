"""What tokens cost: as the user says, or as the package genai-prices lists it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from typing import Any, Protocol

from pbench.errors import UsageError

__all__ = ["FixedPrice", "Price", "find_price"]

_MILLION = 1_000_000


class Price(Protocol):
    """The price of one model's tokens."""

    @property
    def source(self) -> str: ...  # whose price it is, for people

    def cost(self, input_tokens: int, output_tokens: int) -> Decimal:
        """US dollars of one request."""
        ...


@dataclass(frozen=True, slots=True)
class FixedPrice:
    """US dollars for a million tokens, as given by `--price INPUT/OUTPUT`."""

    input: Decimal
    output: Decimal

    @property
    def source(self) -> str:
        return f"--price {self.input}/{self.output}"

    def cost(self, input_tokens: int, output_tokens: int) -> Decimal:
        return (self.input * input_tokens + self.output * output_tokens) / _MILLION

    @classmethod
    def parse(cls, text: str) -> FixedPrice:
        """`0.25/1.25`; UsageError for anything else."""
        before, slash, after = text.partition("/")
        try:
            values = Decimal(before), Decimal(after)
        except ArithmeticError:
            values = (Decimal(-1), Decimal(-1))
        if not slash or not all(value.is_finite() and value >= 0 for value in values):
            raise UsageError(
                f"--price {text!r}: write US dollars per million tokens, INPUT/OUTPUT: 0.25/1.25"
            )
        return cls(*values)


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """A model of genai-prices; its tiers and start dates are the package's."""

    model: str
    provider: str

    @property
    def source(self) -> str:
        return f"genai-prices {version('genai-prices')}, {self.provider}: {self.model}"

    def cost(self, input_tokens: int, output_tokens: int) -> Decimal:
        return Decimal(
            _calculated(input_tokens, output_tokens, self.model, provider_id=self.provider).total_price
        )


def find_price(model_id: str, provider: str | None, base_url: str) -> Price | None:
    """The listed price of a model at `provider` (an id of genai-prices), or at the API of `base_url`.

    None where the package is not installed or has no such model: the cost is unknown then.
    """
    where = {"provider_api_url": base_url} if provider is None else {"provider_id": provider}
    try:
        found = _calculated(0, 0, model_id, **where)
    except (ImportError, LookupError):
        return None
    return ListedPrice(model_id, found.provider.id)


def _calculated(input_tokens: int, output_tokens: int, model: str, **where: str) -> Any:
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    return calc_price(usage, model, **where)  # type: ignore[call-overload]
