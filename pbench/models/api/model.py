"""A remote model as a text generator: asked in parallel, within a budget, one row an answer."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from pbench.config import Strict, validate_options
from pbench.errors import UsageError
from pbench.interfaces import GenerationSettings
from pbench.models.api.access import Access
from pbench.models.api.calls import Ask, in_parallel
from pbench.models.api.endpoint import Client, Endpoint, make_client, resolve
from pbench.models.api.faults import Fault, fault_of, without_key
from pbench.models.api.prices import Price, find_price
from pbench.models.api.reply import Call, Reply, answered, failed
from pbench.models.api.waits import bound_wait
from pbench.records import Generation, Sample

__all__ = ["ApiModel", "Estimate", "open_model"]

_CHARACTERS = 2.7  # of a token: waiting-line prompts with SmolLM2's tokenizer, chat template included
_MESSAGE_TOKENS = 64  # that a chat template may add to a message, at most
_MOST_REJECTED = 3  # a server that refuses so many samples in a row, and took none, refuses them all


class NoOptions(Strict):
    """A remote model has no options of its own."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run may take: `input_tokens` about, `output_tokens` and `cost` (US dollars) at most."""

    requests: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    price: str | None


class _Sent(threading.local):
    """Of this thread's present call: requests, and when the last one went out."""

    requests = 0
    last: float | None = None
    billed = False  # an answer began to come, and has to be paid for whether it can be read or not


class ApiModel:
    """See `pbench.interfaces.TextGenerator`. `live` False: only what needs neither key nor network."""

    Options = NoOptions
    device = "remote"

    def __init__(self, asked: str, access: Access, live: bool):
        self._endpoint = resolve(asked, access, {"request": self._count, "response": self._hear})
        self._sent = _Sent()
        self._live = live
        self._heard = False
        self._served: set[str] = set()
        self.name = self._endpoint.name
        self.family = self._endpoint.provider.family
        self.decoding = self._endpoint.provider.decoding
        self.identity: Mapping[str, Any] = _identity(self._endpoint)
        if access.budget.max_cost is not None and self._price is None:
            raise UsageError(
                f"--max-cost: no price is known for {self._endpoint.model_id!r} at {self._endpoint.base_url}"
                " (package genai-prices, of the extra api); give --price INPUT/OUTPUT"
            )

    def supports(self, _task: str) -> str | None:
        return None

    def facts(self) -> dict[str, Any]:
        """For the manifest: how it was asked, whose prices, and which models say that they answered."""
        access = self._endpoint.access
        return {
            "batch_size": None,
            "batch_sizes": [],
            "concurrency": access.concurrency,
            "timeout_seconds": access.timeout_seconds,
            "retries": access.retries,
            "streamed": access.stream or self.family == "mercury",
            "requests": access.budget.requests,
            "price": None if self._price is None else self._price.source,
            "served_models": sorted(self._served),
        }

    def estimate(self, samples: Sequence[Sample]) -> Estimate:
        """What these samples may take, before anything is asked."""
        inputs = round(sum(map(_characters, samples)) / _CHARACTERS)
        outputs = sum(sample.gen_length for sample in samples)
        price = self._price
        cost = None if price is None else float(price.cost(inputs, outputs))
        return Estimate(len(samples), inputs, outputs, cost, None if price is None else price.source)

    def run(self, samples: Iterable[Sample], settings: GenerationSettings) -> Iterator[Generation]:
        validate_options(NoOptions, settings.options, f"model {self.name!r}")
        if not self._live:
            return
        key = self._endpoint.key()
        client = make_client(self._endpoint)
        try:
            client.check(settings)
            yield from self._answers(lambda sample: self._ask(client, key, sample, settings), deque(samples))
        finally:
            client.close()

    def _answers(self, ask: Ask, waiting: deque[Sample]) -> Iterator[Generation]:
        """One by one until the server has taken a sample, so that nothing is paid where nothing works."""
        rejected: list[Generation] = []
        taken = False
        while waiting and not taken and len(rejected) < _MOST_REJECTED:
            for row in in_parallel(ask, [waiting.popleft()], 1):
                taken = row.error_kind != "rejected"
                if taken:
                    yield row
                else:
                    rejected.append(row)
        if rejected and not taken:
            raise UsageError(f"{rejected[0].error}")
        yield from rejected
        if waiting:
            yield from in_parallel(ask, list(waiting), self._endpoint.access.concurrency)

    def _ask(self, client: Client, key: str, sample: Sample, settings: GenerationSettings) -> Generation:
        """One sample's row. UsageError for what no other sample would fare better with."""
        self._sent.requests, self._sent.last, self._sent.billed = 0, None, False
        try:
            reply, cost = self._paid(client, sample, settings)
        except Exception as error:
            fault = fault_of(error, self._endpoint, key)
            if fault is None:
                said = without_key(f"{type(error).__name__}: {error}", key)
                raise RuntimeError(f"{self._endpoint.name}: {said}") from None
            self._refuse(fault)
            return failed(sample, fault.kind, fault.message, self._call(), settings.seed)
        if reply.served is not None:
            self._served.add(without_key(reply.served, key))
        return answered(sample, reply, self._call(cost), settings.seed)

    def _paid(
        self, client: Client, sample: Sample, settings: GenerationSettings
    ) -> tuple[Reply, Decimal | None]:
        """The reply and its cost, within the budget."""
        budget, price = self._endpoint.access.budget, self._price
        most = Decimal(0) if price is None else price.cost(_most_input(sample), sample.gen_length)
        budget.reserve(most)
        try:
            reply = client.ask(sample, settings)
        except Exception:
            budget.settle(most, most if self._sent.billed else Decimal(0))
            raise
        cost = None
        if price is not None and reply.input_tokens is not None and reply.output_tokens is not None:
            cost = price.cost(reply.input_tokens, reply.output_tokens)
        budget.settle(most, most if cost is None else cost)
        return reply, cost

    def _refuse(self, fault: Fault) -> None:
        """UsageError for a fault that ends the run."""
        if fault.fatal:
            raise UsageError(fault.message) from None
        if fault.kind == "connection" and not self._heard:
            raise UsageError(f"{fault.message}; is the server there (--base-url)?") from None

    def _count(self, _request: Any) -> None:
        """Before each HTTP request, in the thread that sends it."""
        self._endpoint.access.budget.count_request()
        self._sent.requests += 1
        self._sent.last = time.perf_counter()

    def _hear(self, response: Any) -> None:
        """There is a server, whatever it answers."""
        bound_wait(response.headers)
        self._heard = True
        self._sent.billed = bool(response.is_success)

    def _call(self, cost: Decimal | None = None) -> Call:
        last = self._sent.last
        return Call(None if last is None else time.perf_counter() - last, self._sent.requests, cost)

    @cached_property
    def _price(self) -> Price | None:
        """Given or listed; None: unknown. Looked up when it is asked for: the list takes a second."""
        endpoint = self._endpoint
        if endpoint.access.price is not None:
            return endpoint.access.price
        provider, prefix = endpoint.provider.prices or (None, "")
        return find_price(prefix + endpoint.model_id, provider, endpoint.base_url)


def open_model(asked: str, access: Access, *, live: bool) -> ApiModel:
    """The remote model that `--model ASKED` names; UsageError for an access that cannot be."""
    return ApiModel(asked, access, live)


def _identity(endpoint: Endpoint) -> dict[str, Any]:
    """What decides the answers, as far as it can be known from here."""
    found = {
        "name": endpoint.name,
        "family": endpoint.provider.family,
        "model": endpoint.model_id,
        "base_url": endpoint.base_url,
    }
    return found if endpoint.access.send_temperature else found | {"temperature": "server"}


def _characters(sample: Sample) -> int:
    return sum(len(message["content"]) for message in sample.messages)


def _most_input(sample: Sample) -> int:
    """More tokens than the prompt can have: a token is a byte at least."""
    return sum(len(message["content"].encode()) + _MESSAGE_TOKENS for message in sample.messages)
