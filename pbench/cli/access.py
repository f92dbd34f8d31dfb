"""The options of remote models: how they are reached, and what asking them may cost."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from pbench.cli import console
from pbench.errors import UsageError

if TYPE_CHECKING:
    from pbench.models import ModelInfo
    from pbench.models.api import Access, ApiModel
    from pbench.records import Sample

__all__ = ["access_of", "refuse_misplaced", "tell_estimate"]

_REMOTE_ONLY = (
    "model_id", "base_url", "api_key_env", "concurrency", "timeout", "retries", "stream", "max_requests",
    "max_cost", "price", "no_temperature",
)  # fmt: skip
_LOCAL_ONLY = (
    "gpus", "workers", "device", "engine", "dtype", "batch_size", "family", "trust_remote_code", "adapter",
)  # fmt: skip


def access_of(
    *,
    model_id: str | None = None,
    base_url: str | None = None,
    api_key_env: str | None = None,
    concurrency: int = 4,
    timeout: float = 120.0,
    retries: int = 2,
    stream: bool = False,
    max_requests: int | None = None,
    max_cost: float | None = None,
    price: str | None = None,
    no_temperature: bool = False,
) -> Access:
    """The options as one value; UsageError for a URL or a price that is none."""
    from pbench.models.api import Access, Budget, FixedPrice
    from pbench.models.api.access import checked_url

    return Access(
        model_id=model_id,
        base_url=None if base_url is None else checked_url(base_url),
        key_variable=api_key_env,
        send_temperature=not no_temperature,
        stream=stream,
        concurrency=concurrency,
        timeout_seconds=timeout,
        retries=retries,
        price=None if price is None else FixedPrice.parse(price),
        budget=Budget(max_requests, max_cost),
    )


def refuse_misplaced(info: ModelInfo, given: Collection[str]) -> None:
    """UsageError for an option of remote models with a model that runs here, and the other way round."""
    remote = info.access is not None
    for name in _LOCAL_ONLY if remote else _REMOTE_ONLY:
        if name in given:
            option = "--" + name.replace("_", "-")
            why = "is asked over the network" if remote else "runs on this machine"
            kind = "models that run on this machine" if remote else "models behind an API"
            raise UsageError(f"{option} is for {kind}; {info.name!r} {why}, without it")
    if info.family == "vllm" and {"gpus", "workers", "device"} & set(given):
        raise UsageError(
            "--gpus, --workers, --device: vLLM spreads a model itself; set CUDA_VISIBLE_DEVICES instead"
        )


def tell_estimate(model: ApiModel, samples: tuple[Sample, ...]) -> None:
    """What `--dry-run` says of requests, tokens and money."""
    found = model.estimate(samples)
    cost = "at an unknown price" if found.cost is None else f"at most {found.cost:.4f} USD ({found.price})"
    console.note(
        f"{found.requests} requests, about {found.input_tokens} tokens in, at most {found.output_tokens}"
        f" tokens out, {cost}; retries come on top"
    )
