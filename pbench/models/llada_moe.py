"""LLaDA-MoE-7B-A1B: OLMoE's mixture of experts, attention over everything (arXiv 2509.24389).

A softmax over all experts, whose best are weighed by it as it is. The published config.json calls
its model_type `llada` like LLaDA's own; its architectures tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from pbench.errors import ArtifactError
from pbench.models.backbone import Shape, dense_mlp
from pbench.models.chat import ChatFormat
from pbench.models.checkpoint import MODULES, POSITIONS, Checkpoint, Config
from pbench.models.experts import Mixture, Routing
from pbench.models.masked import Family, MaskedDenoiser, SpecialIds, load_masked
from pbench.models.qwen import rope_theta

__all__ = ["LLADA_MOE", "ROLES", "load"]

ROLES = ChatFormat(
    "{% for message in messages %}<role>"
    "{{ 'HUMAN' if message['role'] == 'user' else message['role'] | upper }}</role>"
    "{{ message['content'] }}<|role_end|>{% endfor %}"
    "{% if add_generation_prompt %}<role>ASSISTANT</role>{% endif %}",
    "<role>ASSISTANT</role>",
)


def shape(config: Config) -> Shape:
    """Variants that no published checkpoint uses are refused."""
    config.only("hidden_act", "silu")
    config.only("attention_bias", False)
    config.only("clip_qkv")
    config.only("shared_expert_intermediate_size", 0)
    config.only("moe_router_score_function", "softmax")
    config.only("moe_router_enable_expert_bias", False)
    config.only("router_num_group", 0, 1)
    hidden, heads = config.size("hidden_size"), config.size("num_attention_heads")
    head_dim = config.size("head_dim", hidden // heads)
    return Shape(
        vocab_size=config.size("vocab_size"),
        hidden_size=hidden,
        layers=config.size("num_hidden_layers", most=MODULES),
        heads=heads,
        kv_heads=config.size("num_key_value_heads", heads),
        head_dim=head_dim,
        intermediate_size=config.size("dense_intermediate_size", 4 * hidden),
        max_length=config.size("max_position_embeddings", most=POSITIONS),
        rope_theta=rope_theta(config, 5e4),
        rms_norm_eps=config.number("rms_norm_eps", 1e-5),
        rotary_dim=int(head_dim * config.number("partial_rotary_factor", 1.0)),
        qk_norm=config.flag("qk_layernorm"),
        tied=config.flag("tie_word_embeddings"),
    )


def mlp_of(config: Config) -> Callable[[Shape, int], nn.Module]:
    """Experts in the layers that `moe_layer_freq` marks with 1; in all where it is missing."""
    routing = Routing(
        experts=config.size("num_experts", most=MODULES),
        chosen=config.size("num_experts_per_tok"),
        score="softmax",
        normalised=config.flag("norm_topk_prob"),
        scale=config.number("routed_scaling_factor", 1.0),
    )
    if routing.problem:
        raise ArtifactError(f"{config.path}: {routing.problem}")
    width = config.size("expert_intermediate_size", config.values.get("intermediate_size"))
    marked = config.values.get("moe_layer_freq")

    def mlp(shape: Shape, number: int) -> nn.Module:
        if isinstance(marked, list) and number < len(marked) and not marked[number]:
            return dense_mlp(shape, number)
        return Mixture(routing, shape.hidden_size, width)

    return mlp


LLADA_MOE = Family(
    name="llada-moe",
    shape=shape,
    chat=ROLES,
    published=SpecialIds(mask=156895, eos=156892, pad=156892),
    mlp_of=mlp_of,
)


def load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None) -> MaskedDenoiser:
    """See `pbench.models.masked.load_masked`."""
    return load_masked(checkpoint, LLADA_MOE, device, dtype)
