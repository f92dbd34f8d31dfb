"""config.json in the words of Qwen2 and Qwen3, which Dream, SDAR and Fast-dLLM v2 share."""

from __future__ import annotations

from typing import Any

from pbench.models.backbone import Shape
from pbench.models.checkpoint import MODULES, POSITIONS, Config

__all__ = ["qwen2_shape", "qwen3_shape", "rope_theta"]


def qwen2_shape(config: Config) -> Shape:
    """Biases at queries, keys and values; no norm of theirs."""
    return _shape(config, qkv_bias=True, qk_norm=False)


def qwen3_shape(config: Config) -> Shape:
    """Norms of queries and keys; no biases."""
    config.only("attention_bias", False)
    return _shape(config, qkv_bias=False, qk_norm=True)


def rope_theta(config: Config, default: float) -> float:
    """Of the plain rotary embedding, in either spelling; scaled ones are refused."""
    config.only("rope_scaling", {})
    values: dict[str, Any] = dict(config.values.get("rope_parameters") or {})
    inner = Config(config.path, {**config.values, **values})
    inner.only("rope_type", "default")
    return inner.number("rope_theta", default)


def _shape(config: Config, *, qkv_bias: bool, qk_norm: bool) -> Shape:
    config.only("hidden_act", "silu")
    config.only("use_sliding_window", False)
    hidden, heads = config.size("hidden_size"), config.size("num_attention_heads")
    return Shape(
        vocab_size=config.size("vocab_size"),
        hidden_size=hidden,
        layers=config.size("num_hidden_layers", most=MODULES),
        heads=heads,
        kv_heads=config.size("num_key_value_heads", heads),
        head_dim=config.size("head_dim", hidden // heads),
        intermediate_size=config.size("intermediate_size"),
        max_length=config.size("max_position_embeddings", most=POSITIONS),
        rope_theta=rope_theta(config, 1e6),
        rms_norm_eps=config.number("rms_norm_eps", 1e-6),
        qkv_bias=qkv_bias,
        qk_norm=qk_norm,
        tied=config.flag("tie_word_embeddings"),
    )
