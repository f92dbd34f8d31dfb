"""Where decode's callers find the statistics of traces; they live beneath the stages, in pbench.traces."""

from __future__ import annotations

from pbench.traces import (
    Order,
    TraceSummary,
    commit_steps,
    decoding_order,
    global_arness,
    last_step,
    local_arness,
    summarise,
    tokens_per_step,
)

__all__ = [
    "Order",
    "TraceSummary",
    "commit_steps",
    "decoding_order",
    "global_arness",
    "last_step",
    "local_arness",
    "summarise",
    "tokens_per_step",
]
