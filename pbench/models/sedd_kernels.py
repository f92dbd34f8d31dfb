"""Transition kernels of SEDD: from the ratios at a noise level to the probabilities of the next token.

A sequence is noised token by token at the total noise sigma(t), t from 0 (data) to 1 (noise): on the
absorbing graph a token becomes the mask, on the uniform graph any token. Stepping back from t to
t - dt takes the ratios `score[n, v]` = p_t(v) / p_t(current token n), whose entry of the current
token is 1. Euler's rule takes the reverse rate as constant over dt; the analytic (Tweedie) rule
inverts the noising exactly, given exact ratios. Source: arXiv 2310.16834, sections 2 and 4.
Shapes: N positions, V states; on the absorbing graph the last state is the mask.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

__all__ = ["Kernel", "Noise", "Predictor", "kernels"]

_LAST = 1e-5  # the time at which the last step leaves the rest of the noise to the denoising one
_LOGLINEAR = 1e-3  # share of the tokens that is not yet noise at t = 1

Predictor = Literal["euler", "analytic"]


@dataclass(frozen=True, slots=True)
class Noise:
    """Total noise `sigma(t)` and its derivative `rate(t)`."""

    sigma: Callable[[float], float]
    rate: Callable[[float], float]

    @classmethod
    def loglinear(cls) -> Noise:
        """A token is noised with probability (1 - 0.001) t."""
        share = 1 - _LOGLINEAR
        return cls(lambda t: -math.log1p(-share * t), lambda t: share / (1 - share * t))

    @classmethod
    def geometric(cls, smallest: float, largest: float) -> Noise:
        """sigma goes from `smallest` to `largest` at a constant ratio."""
        growth = math.log(largest / smallest)
        return cls(
            lambda t: smallest * math.exp(growth * t), lambda t: growth * smallest * math.exp(growth * t)
        )


Kernel = Callable[[Tensor, Tensor], Tensor]
"""(score float64 [N, V], tokens int64 [N]) -> unnormalised probabilities [N, V] of the next token."""


def kernels(noise: Noise, absorbs: bool, predictor: Predictor, steps: int) -> list[tuple[float, Kernel]]:
    """The noise level to ask the model at, and what to do with its ratios: `steps` times, then to denoise."""
    grid = [1 + (_LAST - 1) * step / steps for step in range(steps + 1)]
    rules: list[tuple[float, Kernel]] = []
    for time, earlier in pairwise(grid):
        change = noise.sigma(time) - noise.sigma(earlier)
        euler = noise.rate(time) * (time - earlier)
        rule: Kernel
        if absorbs:
            rule = partial(_absorbing, hop=euler if predictor == "euler" else math.expm1(change))
        elif predictor == "euler":
            rule = partial(_uniform_euler, hop=euler)
        else:
            rule = partial(_uniform_analytic, change=change)
        rules.append((noise.sigma(time), rule))
    rest = noise.sigma(grid[-1])
    return [*rules, (rest, _denoised if absorbs else partial(_uniform_analytic, change=rest))]


def _absorbing(score: Tensor, _tokens: Tensor, *, hop: float) -> Tensor:
    """What a mask becomes: v with probability `hop` x score, else it stays.

    `hop` is rate x dt by Euler's rule and exp(change of sigma) - 1 by the analytic one.
    """
    moved = score[:, :-1] * hop
    return torch.cat([moved, (1 - moved.sum(1, keepdim=True)).clamp_min(0)], 1)


def _denoised(score: Tensor, _tokens: Tensor) -> Tensor:
    """The analytic rule for all the noise that is left: no mask stays."""
    return torch.cat([score[:, :-1], torch.zeros_like(score[:, :1])], 1)


def _uniform_euler(score: Tensor, tokens: Tensor, *, hop: float) -> Tensor:
    """What a token becomes: v with probability `hop` x score / V, else it stays."""
    moved = (score * (hop / score.shape[1])).scatter(1, tokens.unsqueeze(1), 0.0)
    stay = (1 - moved.sum(1, keepdim=True)).clamp_min(0)
    return moved.scatter(1, tokens.unsqueeze(1), stay)


def _uniform_analytic(score: Tensor, tokens: Tensor, *, change: float) -> Tensor:
    """The ratios where sigma is lower by `change`, times the probability that noise led from v here."""
    kept = math.exp(-change)
    resampled = -math.expm1(-change) / score.shape[1]
    earlier = (score - score.sum(1, keepdim=True) * resampled) / kept
    forward = torch.full_like(score, resampled).scatter(1, tokens.unsqueeze(1), kept + resampled)
    return (earlier * forward).clamp_min(0)
