"""The transformer that the families share: pre-norm blocks, rotary positions, any attention mask, any cache.

Parameters are named as in Qwen2 and Qwen3 checkpoints, so that those families load as they are and
the others say how their names map to these. R rows, L columns that a pass computes, K keys that it
attends to, N wanted positions, d hidden size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Attention", "Backbone", "RMSNorm", "Rotation", "Shape", "SwiGLU"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Dimensions and variants of a backbone; `max_length` = most positions that it was made for."""

    vocab_size: int  # rows of the embedding, padding rows included
    hidden_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate_size: int
    max_length: int
    rope_theta: float
    rms_norm_eps: float
    rotary_dim: int | None = None  # the first dimensions of a head that rotate; None: all
    qkv_bias: bool = False
    qk_norm: bool = False  # RMSNorm of each head's queries and keys, before the rotation
    tied: bool = False  # the embedding is the head too


class RMSNorm(nn.Module):
    """Root-mean-square norm, computed in float32 whatever the dtype."""

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return wide.to(x.dtype) * self.weight


class Rotation:
    """Rotary position embedding (arXiv 2104.09864) of L columns, in float32, halves as pairs."""

    def __init__(self, cos: Tensor, sin: Tensor):
        self.cos, self.sin = cos, sin  # [R, L, 1, rotating dimensions / 2]

    @classmethod
    def at(cls, position_ids: Tensor, dims: int, theta: float) -> Rotation:
        """For `position_ids` [R, L], with `dims` rotating dimensions a head."""
        steps = torch.arange(0, dims, 2, dtype=torch.float32, device=position_ids.device)
        angles = position_ids[..., None, None].float() / theta ** (steps / dims)
        return cls(angles.cos(), angles.sin())

    def narrowed(self, columns: Tensor) -> Rotation:
        """Only `columns` [R, W]."""
        return Rotation(_columns_of(self.cos, columns), _columns_of(self.sin, columns))

    def __call__(self, x: Tensor) -> Tensor:
        """Rotate x [R, L, heads, head_dim]; dimensions beyond the rotating ones stay."""
        half = self.cos.shape[-1]
        left, right, rest = x[..., :half].float(), x[..., half : 2 * half].float(), x[..., 2 * half :]
        turned = (left * self.cos - right * self.sin, right * self.cos + left * self.sin)
        return torch.cat([*(part.to(x.dtype) for part in turned), rest], dim=-1)


class Attention(nn.Module):
    """Grouped-query attention; tensors of heads are [R, L, heads, head_dim]."""

    def __init__(self, shape: Shape):
        super().__init__()
        d, hd = shape.hidden_size, shape.head_dim
        self.head_dim = hd
        self.groups = shape.heads // shape.kv_heads
        self.q_proj = nn.Linear(d, shape.heads * hd, bias=shape.qkv_bias)
        self.k_proj = nn.Linear(d, shape.kv_heads * hd, bias=shape.qkv_bias)
        self.v_proj = nn.Linear(d, shape.kv_heads * hd, bias=shape.qkv_bias)
        self.o_proj = nn.Linear(shape.heads * hd, d, bias=False)
        self.q_norm = RMSNorm(hd, shape.rms_norm_eps) if shape.qk_norm else None
        self.k_norm = RMSNorm(hd, shape.rms_norm_eps) if shape.qk_norm else None

    def keys_values(self, h: Tensor, rotation: Rotation) -> tuple[Tensor, Tensor]:
        """Rotated keys, and values, of normed inputs h [R, L, d]."""
        keys = self.k_proj(h).unflatten(-1, (-1, self.head_dim))
        values = self.v_proj(h).unflatten(-1, (-1, self.head_dim))
        return rotation(keys if self.k_norm is None else self.k_norm(keys)), values

    def forward(
        self, h: Tensor, rotation: Rotation, keys: Tensor, values: Tensor, allowed: Tensor | None
    ) -> Tensor:
        """Outputs [R, L, d] of the queries of h; allowed bool, broadcast to [R, heads, L, K]; None: all."""
        queries = self.q_proj(h).unflatten(-1, (-1, self.head_dim))
        queries = rotation(queries if self.q_norm is None else self.q_norm(queries))
        if not queries.is_cuda:  # elsewhere the kernels for groups are slower than copies
            keys, values = (x.repeat_interleave(self.groups, 2) for x in (keys, values))
        out = F.scaled_dot_product_attention(
            queries.transpose(1, 2),
            keys.transpose(1, 2),
            values.transpose(1, 2),
            attn_mask=allowed,
            enable_gqa=queries.is_cuda,
        )
        return self.o_proj(out.transpose(1, 2).flatten(2))


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)) of width `width` (arXiv 2002.05202)."""

    def __init__(self, hidden_size: int, width: int):
        super().__init__()
        self.gate_proj = nn.Linear(hidden_size, width, bias=False)
        self.up_proj = nn.Linear(hidden_size, width, bias=False)
        self.down_proj = nn.Linear(width, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """Attention and MLP, each behind a norm and beside a residual."""

    def __init__(self, shape: Shape, mlp: nn.Module):
        super().__init__()
        self.input_layernorm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)
        self.mlp = mlp

    def mixed(self, x: Tensor) -> Tensor:
        """x [R, L, d] after the MLP."""
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    """Embedding, layers and last norm: the `model.` part of a checkpoint's names."""

    def __init__(self, shape: Shape, mlp: Callable[[Shape, int], nn.Module]):
        super().__init__()
        # From an empty table: drawing one, on the meta device, would import torch._dynamo (3 s).
        table = torch.empty(shape.vocab_size, shape.hidden_size)
        self.embed_tokens = nn.Embedding.from_pretrained(table, freeze=False)
        self.layers = nn.ModuleList(Layer(shape, mlp(shape, number)) for number in range(shape.layers))
        self.norm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)


def dense_mlp(shape: Shape, number: int) -> nn.Module:  # noqa: ARG001 - the same in every layer
    """The MLP of a family without experts."""
    return SwiGLU(shape.hidden_size, shape.intermediate_size)


class Backbone(nn.Module):
    """Token ids to hidden states and logits; `mlp(shape, layer number)` makes each layer's MLP."""

    def __init__(self, shape: Shape, mlp: Callable[[Shape, int], nn.Module] = dense_mlp):
        super().__init__()
        self.shape = shape
        self.model = Decoder(shape, mlp)
        if not shape.tied:
            self.lm_head = nn.Linear(shape.hidden_size, shape.vocab_size, bias=False)

    def forward(
        self,
        ids: Tensor,
        position_ids: Tensor,
        allowed: Tensor | None,
        wanted: Tensor,
        kept: Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
    ) -> Tensor:
        """Hidden states [N, d], after the last norm, at `wanted` [N, 2] (row, column of ids [R, L]).

        `allowed` is bool [R, 1, L or 1, K], None where everything sees everything. `kept(layer,
        keys, values)` takes the columns' new keys and values and gives those to attend to. The last
        layer computes queries and MLP of the wanted columns alone.
        """
        shape = self.shape
        x = self.model.embed_tokens(ids)
        rotation = Rotation.at(position_ids, shape.rotary_dim or shape.head_dim, shape.rope_theta)
        rows, places, columns = _by_row(wanted, len(ids))
        for number, layer in enumerate(self.model.layers):
            assert isinstance(layer, Layer)
            h = layer.input_layernorm(x)
            keys, values = layer.self_attn.keys_values(h, rotation)
            if kept is not None:
                keys, values = kept(number, keys, values)
            if number == shape.layers - 1:
                x, h, rotation = _columns_of(x, columns), _columns_of(h, columns), rotation.narrowed(columns)
                if allowed is not None and allowed.shape[2] > 1:
                    allowed = _columns_of(allowed.squeeze(1), columns).unsqueeze(1)
            x = layer.mixed(x + layer.self_attn(h, rotation, keys, values, allowed))
        return self.model.norm(x[rows, places])

    def head(self, hidden: Tensor) -> Tensor:
        """Logits [N, V] of hidden states [N, d]."""
        weight = self.model.embed_tokens.weight if self.shape.tied else self.lm_head.weight
        return F.linear(hidden, weight)


def _by_row(wanted: Tensor, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """`wanted` [N, 2] as a grid: rows [N], places [N] and columns [R, W], W = most of any row (1 at least).

    Position n stands in the grid at (rows[n], places[n]); free places hold column 0.
    """
    row, column = wanted.unbind(1)
    counts = torch.bincount(row, minlength=rows)
    order = row.argsort(stable=True)
    place = torch.empty_like(row)
    first = counts.cumsum(0) - counts
    place[order] = torch.arange(len(row), device=row.device) - first[row[order]]
    width = max(1, int(counts.max())) if len(row) else 1
    columns = torch.zeros(rows, width, dtype=torch.long, device=row.device)
    columns[row, place] = column
    return row, place, columns


def _columns_of(x: Tensor, columns: Tensor) -> Tensor:
    """x [R, L, ...] at `columns` [R, W]."""
    return x[torch.arange(len(x), device=columns.device).unsqueeze(1), columns]
