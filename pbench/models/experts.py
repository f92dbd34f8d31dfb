"""Mixture of experts: a router chooses a few SwiGLUs for every token and weighs what they give.

Parameters are named as in the checkpoints of the MoE families (`gate`, `experts.M.gate_proj`, ...).
T tokens, E experts, k of them for a token, d hidden size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pbench.models.backbone import SwiGLU

__all__ = ["Mixture", "Router", "Routing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """How experts are chosen and weighed.

    `score` of the router's logits: a softmax over all experts, or a sigmoid of each. `bias`: a number
    for each expert helps in choosing, not in weighing. With `groups` > 1 only the experts of the
    `top_groups` groups whose two best sum highest are eligible. `normalised`: a token's weights sum to
    `scale`, else they are the scores times `scale`.
    """

    experts: int
    chosen: int
    score: Literal["softmax", "sigmoid"]
    bias: bool = False
    groups: int = 1
    top_groups: int = 1
    normalised: bool = True
    scale: float = 1.0

    @property
    def problem(self) -> str | None:
        """What cannot be, None if nothing."""
        uneven = self.experts % self.groups or (self.groups > 1 and self.experts < 2 * self.groups)
        if not 0 < self.top_groups <= self.groups or uneven:
            return "n_group, topk_group and num_experts do not fit together"
        eligible = self.top_groups * self.experts // self.groups
        if not 0 < self.chosen <= eligible:
            return f"num_experts_per_tok {self.chosen} is more than the {eligible} eligible"
        return None


class Router(nn.Module):
    """Tokens [T, d] to weights float32 [T, k] and the numbers of the experts [T, k]."""

    def __init__(self, routing: Routing, hidden_size: int):
        super().__init__()
        self.routing = routing
        self.weight = nn.Parameter(torch.empty(routing.experts, hidden_size))
        self.expert_bias = nn.Parameter(torch.zeros(routing.experts)) if routing.bias else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        routing = self.routing
        if routing.score == "softmax":
            scores = F.linear(x, self.weight).float().softmax(-1)
        else:  # published in float32 from the linear map on
            scores = F.linear(x.float(), self.weight.float()).sigmoid()
        eligible = scores if self.expert_bias is None else scores + self.expert_bias
        if routing.groups > 1:
            eligible = eligible.masked_fill(~self._in_top_groups(eligible), -torch.inf)
        chosen = eligible.topk(routing.chosen, dim=-1).indices
        weights = scores.gather(1, chosen)
        if routing.normalised:
            weights = weights / (weights.sum(-1, keepdim=True) + 1e-20)
        return weights * routing.scale, chosen

    def _in_top_groups(self, scores: Tensor) -> Tensor:
        """Bool [T, E]."""
        groups = scores.unflatten(1, (self.routing.groups, -1))
        best = groups.topk(2, dim=-1).values.sum(-1).topk(self.routing.top_groups, dim=-1).indices
        kept = torch.zeros(groups.shape[:2], dtype=torch.bool, device=scores.device).scatter(1, best, True)
        return kept.unsqueeze(-1).expand_as(groups).flatten(1)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Router:
        """The bias stays float32 whatever the rest becomes: it tells experts apart by small differences."""
        super()._apply(fn, recurse)
        if self.expert_bias is not None:
            self.expert_bias.data = self.expert_bias.data.float()
        return self


class Mixture(nn.Module):
    """A layer's MLP: routed experts of width `width`, and beside them a shared one where it has a width."""

    def __init__(self, routing: Routing, hidden_size: int, width: int, shared_width: int | None = None):
        super().__init__()
        self.gate = Router(routing, hidden_size)
        self.experts = nn.ModuleList(SwiGLU(hidden_size, width) for _ in range(routing.experts))
        self.shared_experts = SwiGLU(hidden_size, shared_width) if shared_width else None

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.reshape(-1, x.shape[-1])
        weights, chosen = self.gate(tokens)
        mixed = (self._outputs(tokens, chosen) * weights.to(x.dtype).unsqueeze(-1)).sum(1)
        if self.shared_experts is not None:
            mixed = mixed + self.shared_experts(tokens)
        return mixed.view_as(x)

    def _outputs(self, tokens: Tensor, chosen: Tensor) -> Tensor:
        """What each chosen expert gives, [T, k, d]; an expert runs once over all of its tokens."""
        experts, size = chosen.flatten(), chosen.shape[1]
        if tokens.is_meta:  # shapes alone: whose turn it is has no answer there
            return tokens.new_empty(*chosen.shape, tokens.shape[1])
        order = experts.argsort(stable=True)
        counts = experts.bincount(minlength=len(self.experts)).tolist()
        found = tokens.new_empty(len(order), tokens.shape[1])
        for expert, places in zip(self.experts, order.split(counts), strict=True):
            if len(places):
                found[places] = expert(tokens[places // size])
        return found.view(*chosen.shape, -1)
