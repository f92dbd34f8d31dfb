"""The next token of each row of an autoregressive model: the most probable one, or one that is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pbench.errors import UsageError
from pbench.interfaces import GenerationSettings
from pbench.models.draws import draw

__all__ = ["check_drawing", "next_tokens"]


def check_drawing(settings: GenerationSettings) -> None:
    """UsageError for filters that have nothing to filter, or that make no sense."""
    for flag, value in (("--top-p", settings.top_p), ("--top-k", settings.top_k)):
        if value is not None and settings.temperature == 0:
            raise UsageError(f"{flag} chooses among tokens that are drawn; it needs --temperature above 0")
    if settings.top_p is not None and not 0 < settings.top_p <= 1:
        raise UsageError(f"--top-p {settings.top_p} must be above 0, at most 1")


def next_tokens(
    logits: Tensor, settings: GenerationSettings, streams: Sequence[torch.Generator]
) -> tuple[Tensor, Tensor]:
    """Tokens and their probabilities [R] from `logits` [R, V]; one number of each row's stream is used up.

    Temperature, then the `top_k` most probable, then the fewest that reach `top_p`: the order of
    transformers. The probability is that of what was drawn from, NaN where the logits are not
    finite; ties go to the lower id.
    """
    logits = logits.float()
    broken = ~logits.logsumexp(1).isfinite()
    tokens, scores = _chosen(logits.masked_fill(broken.unsqueeze(1), 0.0), settings, streams)
    return tokens, scores.masked_fill(broken, torch.nan)


def _chosen(
    logits: Tensor, settings: GenerationSettings, streams: Sequence[torch.Generator]
) -> tuple[Tensor, Tensor]:
    if settings.temperature == 0:
        tokens = logits.argmax(1)
        return tokens, logits.softmax(1).gather(1, tokens.unsqueeze(1)).squeeze(1)
    ordered, order = (logits / settings.temperature).sort(dim=1, descending=True, stable=True)
    if settings.top_k is not None:
        ordered[:, settings.top_k :] = -torch.inf
    if settings.top_p is not None:
        probabilities = ordered.softmax(1)
        before = probabilities.cumsum(1) - probabilities
        before[:, 0] = 0.0  # the most probable one always stays
        ordered = ordered.masked_fill(before >= settings.top_p, -torch.inf)
    weights = ordered.double().softmax(1)
    uniforms = torch.stack([torch.rand((), generator=stream) for stream in streams])
    places = draw(weights, uniforms.to(weights)).unsqueeze(1)
    return order.gather(1, places).squeeze(1), weights.gather(1, places).squeeze(1)
