"""SEDD's network: a diffusion transformer that gives the ratios p(token) / p(current token) at a noise level.

Facts: Lou, Meng, Ermon, "Discrete Diffusion Modeling by Estimating the Ratios of the Data
Distribution" (arXiv 2310.16834), and the names of the published weights. Attention is SDPA, so that
neither flash-attn nor a GPU is needed. Shapes: R rows, L columns, N positions, d hidden, V states.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, Field, ValidationError, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from pbench.errors import ArtifactError
from pbench.models.checkpoint import MODULES, WIDEST

__all__ = ["SeddConfig", "SeddNetwork"]

_FREQUENCIES = 256  # sines and cosines of the noise level
_PERIOD = 10_000.0
_EXPANSION = 4


class _Graph(BaseModel):
    type: Literal["absorb", "uniform"]


class _Noise(BaseModel):
    type: Literal["loglinear", "geometric"]
    sigma_min: float = Field(1e-4, gt=0)
    sigma_max: float = Field(20.0, gt=0)


class _Model(BaseModel):
    hidden_size: int = Field(gt=0, le=WIDEST)
    cond_dim: int = Field(gt=0, le=WIDEST)
    length: int = Field(gt=0)
    n_blocks: int = Field(gt=0, le=MODULES)
    n_heads: int = Field(gt=0)
    scale_by_sigma: bool

    @model_validator(mode="after")
    def _heads_divide(self) -> _Model:
        if self.hidden_size % (2 * self.n_heads):
            raise ValueError("hidden_size must be n_heads times an even number")
        return self


class SeddConfig(BaseModel):
    """What decides the network and the noise, in the published config.json; other keys are for training."""

    tokens: int = Field(gt=1, le=WIDEST)
    graph: _Graph
    noise: _Noise
    model: _Model

    @model_validator(mode="after")
    def _scaled_absorb(self) -> SeddConfig:
        if self.model.scale_by_sigma and self.graph.type != "absorb":
            raise ValueError("scale_by_sigma belongs to the absorbing graph")
        return self

    @property
    def absorbing(self) -> bool:
        return self.graph.type == "absorb"

    @property
    def states(self) -> int:
        """Tokens, and the mask after them where the graph absorbs."""
        return self.tokens + self.absorbing

    @classmethod
    def read(cls, values: Mapping[str, Any], path: Path) -> SeddConfig:
        """ArtifactError names the first key that is missing or wrong."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problem = error.errors()[0]
            key = ".".join(str(part) for part in problem["loc"]) or "config"
            raise ArtifactError(f"{path}: {key}: {problem['msg']}") from None


class SeddNetwork(nn.Module):
    """Parameters have the names of the published checkpoints."""

    def __init__(self, config: SeddConfig):
        super().__init__()
        shape = config.model
        self.config = config
        self.vocab_embed = _Embedding(config.states, shape.hidden_size)
        self.sigma_map = _NoiseLevel(shape.cond_dim)
        self.blocks = nn.ModuleList(
            _Block(shape.hidden_size, shape.n_heads, shape.cond_dim) for _ in range(shape.n_blocks)
        )
        self.output_layer = _Output(shape.hidden_size, config.states, shape.cond_dim)

    def condition(self, sigma: float) -> Tensor:
        """What every layer is told of the noise level, [cond_dim]."""
        return F.silu(self.sigma_map(sigma))

    def hidden(self, ids: Tensor, lengths: Tensor, condition: Tensor) -> Tensor:
        """Hidden states [R, L, d] of `ids` [R, L]; of row r only the first `lengths[r]` columns are real."""
        columns = torch.arange(ids.shape[1], device=ids.device)
        seen = (columns < lengths.unsqueeze(1))[:, None, None, :]
        x = self.vocab_embed.embedding[ids]
        turn = _Rotation(columns, self.config.model.hidden_size // self.config.model.n_heads)
        for block in self.blocks:
            x = block(x, condition, turn, seen)
        return x

    def log_scores(self, hidden: Tensor, tokens: Tensor, condition: Tensor, sigma: float) -> Tensor:
        """log p(v) / p(tokens[n]), float32 [N, V], at positions with `hidden` [N, d] and `tokens` [N]."""
        out = self.output_layer(hidden, condition).float()
        if self.config.model.scale_by_sigma:
            out = out - math.log(math.expm1(sigma)) - math.log(out.shape[-1] - 1)
        return out.scatter(1, tokens.unsqueeze(1), 0.0)


class _Embedding(nn.Module):
    def __init__(self, states: int, width: int):
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(states, width))


class _NoiseLevel(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(_FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, sigma: float) -> Tensor:
        weight = next(self.mlp.parameters())
        half = _FREQUENCIES // 2
        steps = torch.arange(half, device=weight.device, dtype=torch.float32) / half
        angles = sigma * torch.exp(-math.log(_PERIOD) * steps)
        return self.mlp(torch.cat([angles.cos(), angles.sin()]).to(weight.dtype))


class _Rotation:
    """Rotary positions of L columns, in float32, halves as pairs; `width` of a head."""

    def __init__(self, columns: Tensor, width: int):
        steps = torch.arange(0, width, 2, dtype=torch.float32, device=columns.device)
        angles = columns.float().unsqueeze(1) / _PERIOD ** (steps / width)
        self.cos, self.sin = angles.cos(), angles.sin()

    def __call__(self, x: Tensor) -> Tensor:
        """x [R, heads, L, width] turned by its positions."""
        left, right = x.float().chunk(2, -1)
        turned = (left * self.cos - right * self.sin, right * self.cos + left * self.sin)
        return torch.cat(turned, -1).to(x.dtype)


class _Norm(nn.Module):
    """LayerNorm in float32, with a scale and no shift."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return (F.layer_norm(x.float(), x.shape[-1:]) * self.weight.float()).to(x.dtype)


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, condition: int):
        super().__init__()
        self.heads = heads
        self.norm1 = _Norm(width)
        self.attn_qkv = nn.Linear(width, 3 * width, bias=False)
        self.attn_out = nn.Linear(width, width, bias=False)
        self.norm2 = _Norm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, _EXPANSION * width),
            nn.GELU(approximate="tanh"),
            nn.Linear(_EXPANSION * width, width),
        )
        self.adaLN_modulation = nn.Linear(condition, 6 * width)

    def forward(self, x: Tensor, condition: Tensor, turn: _Rotation, seen: Tensor) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.adaLN_modulation(condition).chunk(6)
        qkv = self.attn_qkv(_modulate(self.norm1(x), shift1, scale1))
        q, k, v = qkv.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(turn(q), turn(k), v, attn_mask=seen)
        x = x + gate1 * self.attn_out(mixed.transpose(1, 2).flatten(2))
        return x + gate2 * self.mlp(_modulate(self.norm2(x), shift2, scale2))


class _Output(nn.Module):
    def __init__(self, width: int, states: int, condition: int):
        super().__init__()
        self.norm_final = _Norm(width)
        self.linear = nn.Linear(width, states)
        self.adaLN_modulation = nn.Linear(condition, 2 * width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift, scale = self.adaLN_modulation(condition).chunk(2)
        return self.linear(_modulate(self.norm_final(x), shift, scale))


def _modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return x * (1 + scale) + shift
