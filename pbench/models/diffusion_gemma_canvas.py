"""The denoising of one canvas from uniform noise: entropy-bounded acceptance, the rest drawn anew.

A step asks for the logits of the whole canvas, given what stands there and the logits of the step
before; the least uncertain positions, as many as the entropy bound admits (arXiv 2505.24857), get a
token drawn from their distribution, all others uniform noise again. What is emitted is the argmax of
the logits, once it stays the same while the mean entropy is small. R rows, C canvas positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pbench.models.draws import draw

__all__ = ["CanvasState", "Rules", "accepted"]

_CHUNK_ELEMENTS = 2**23  # probabilities at once: 64 MB in float64


@dataclass(frozen=True, slots=True)
class Rules:
    """Resolved options: see `DiffusionGemmaOptions`."""

    steps: int
    entropy_bound: float
    t_max: float
    t_min: float
    stability: int
    confidence: float

    def temperature(self, number: int) -> float:
        """At step `number`, from 0: t_max at the first, then linearly towards t_min."""
        return self.t_min + (self.t_max - self.t_min) * (self.steps - number) / self.steps


def accepted(entropy: Tensor, bound: float) -> Tensor:
    """Bool [R, C]: positions of lowest `entropy` (nats) with a sum without the largest of at most `bound`."""
    ordered, order = entropy.double().sort(dim=1, stable=True)
    before = ordered.cumsum(1).roll(1, 1)
    before[:, 0] = 0.0
    return torch.zeros_like(order, dtype=torch.bool).scatter(1, order, before <= bound)


class CanvasState:
    """What stands on the canvases of a batch (`ids`), and the `argmax` of the last logits.

    `uniforms` are numbers in [0, 1), float64 [R, C], from each row's own stream. Rows leave by `keep`.
    """

    def __init__(self, uniforms: Tensor, vocab_size: int, rules: Rules):
        self.rules = rules
        self.vocab_size = vocab_size
        self.number = 0
        self.ids = self._noise(uniforms)
        self.argmax = torch.full_like(self.ids, -1)
        self.probability = torch.zeros_like(uniforms)
        self.unchanged = torch.zeros(len(uniforms), dtype=torch.int64, device=uniforms.device)
        self.finite = torch.ones(len(uniforms), dtype=torch.bool, device=uniforms.device)

    def step(self, logits: Tensor, uniforms: Callable[[], Tensor]) -> Tensor:
        """Take in float32 logits [R, C, V], which get divided by the temperature; bool [R]: who is done."""
        logits /= self.rules.temperature(self.number)
        self.number += 1
        drawn, noise = uniforms(), self._noise(uniforms())
        entropy, argmax, self.probability = _statistics(logits)
        chosen = accepted(entropy, self.rules.entropy_bound) & entropy.isfinite()
        self.ids = torch.where(chosen, _draw_at(logits, chosen, drawn), noise)
        self.finite = entropy.isfinite().all(1)
        same = (argmax == self.argmax).all(1)
        self.unchanged = torch.where(same, self.unchanged + 1, 0)
        self.argmax = argmax
        sure = entropy.mean(1) < self.rules.confidence
        settled = (self.unchanged >= self.rules.stability) & sure
        return settled | ~self.finite | (self.number >= self.rules.steps)

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows [W] alone."""
        for name in ("ids", "argmax", "probability", "unchanged", "finite"):
            setattr(self, name, getattr(self, name)[rows])

    def _noise(self, uniforms: Tensor) -> Tensor:
        return (uniforms * self.vocab_size).long()


def _statistics(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Entropy in nats, argmax and its probability, [R, C] each."""
    flat = logits.flatten(0, 1)
    parts = []
    for part in flat.split(max(1, _CHUNK_ELEMENTS // flat.shape[1])):
        log_p = part.log_softmax(1)
        top, argmax = log_p.max(1)
        parts.append((-(log_p.exp() * log_p).sum(1), argmax, top.exp()))
    entropy, argmax, top = (torch.cat(column).view(logits.shape[:2]) for column in zip(*parts, strict=True))
    return entropy, argmax, top


def _draw_at(logits: Tensor, chosen: Tensor, uniforms: Tensor) -> Tensor:
    """Tokens [R, C] drawn at the chosen positions by `uniforms` [R, C]; 0 elsewhere."""
    tokens = torch.zeros(chosen.shape, dtype=torch.int64, device=chosen.device)
    for part in chosen.nonzero().split(max(1, _CHUNK_ELEMENTS // logits.shape[2])):
        at = part.unbind(1)
        tokens[at] = draw(logits[at].double().softmax(1), uniforms[at])
    return tokens
