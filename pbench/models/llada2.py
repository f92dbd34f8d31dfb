"""LLaDA2.0 and 2.1: experts by a biased sigmoid among groups, attention block by block (arXiv 2512.15745).

The first layers are dense; one shared expert sees every token; half of each head rotates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from pbench.errors import ArtifactError
from pbench.models.backbone import Shape, dense_mlp
from pbench.models.checkpoint import MODULES, POSITIONS, Checkpoint, Config
from pbench.models.experts import Mixture, Routing
from pbench.models.llada_moe import ROLES
from pbench.models.masked import Family, MaskedDenoiser, SpecialIds, load_masked
from pbench.models.qwen import rope_theta
from pbench.models.weights import Names, Place

__all__ = ["LLADA2", "file_tensors", "load"]

_ATTENTION = re.compile(
    r"(model\.layers\.\d+)\.attention\.(query_key_value|dense|query_layernorm|key_layernorm)\.weight"
)
_IN_ATTENTION = {"dense": "o_proj", "query_layernorm": "q_norm", "key_layernorm": "k_norm"}
_EMBEDDING = "model.word_embeddings.weight"


def shape(config: Config) -> Shape:
    """Variants that no published checkpoint uses are refused."""
    config.only("hidden_act", "silu")
    config.only("use_qkv_bias", False)
    config.only("use_bias", False)
    config.only("use_sliding_window", False)
    config.only("score_function", "sigmoid")
    hidden, heads = config.size("hidden_size"), config.size("num_attention_heads")
    head_dim = config.size("head_dim", hidden // heads)
    return Shape(
        vocab_size=config.size("vocab_size"),
        hidden_size=hidden,
        layers=config.size("num_hidden_layers", most=MODULES),
        heads=heads,
        kv_heads=config.size("num_key_value_heads", heads),
        head_dim=head_dim,
        intermediate_size=config.size("intermediate_size"),
        max_length=config.size("max_position_embeddings", most=POSITIONS),
        rope_theta=rope_theta(config, 6e5),
        rms_norm_eps=config.number("rms_norm_eps", 1e-6),
        rotary_dim=int(head_dim * config.number("partial_rotary_factor", 0.5)),
        qk_norm=config.flag("use_qk_norm", True),
        tied=config.flag("tie_word_embeddings"),
    )


def mlp_of(config: Config) -> Callable[[Shape, int], nn.Module]:
    """Dense in the first `first_k_dense_replace` layers, experts in the others."""
    routing = Routing(
        experts=config.size("num_experts", most=MODULES),
        chosen=config.size("num_experts_per_tok"),
        score="sigmoid",
        bias=config.flag("moe_router_enable_expert_bias", True),
        groups=config.size("n_group", 1),
        top_groups=config.size("topk_group", 1),
        normalised=config.flag("norm_topk_prob", True),
        scale=config.number("routed_scaling_factor", 1.0),
    )
    if routing.problem:
        raise ArtifactError(f"{config.path}: {routing.problem}")
    width = config.size("moe_intermediate_size")
    dense = config.integer("first_k_dense_replace", 0)
    shared = width * config.integer("num_shared_experts", 0)

    def mlp(shape: Shape, number: int) -> nn.Module:
        if number < dense:
            return dense_mlp(shape, number)
        return Mixture(routing, shape.hidden_size, width, shared or None)

    return mlp


def names_of(shape: Shape) -> Names:
    """Queries, keys and values lie in one tensor, one after the other."""
    ends = [shape.heads * shape.head_dim]
    ends += [ends[0] + shape.kv_heads * shape.head_dim * times for times in (1, 2)]
    thirds = zip(("q_proj", "k_proj", "v_proj"), [0, *ends], ends, strict=False)
    rows = {name: (first, end) for name, first, end in thirds}

    def names(name: str) -> Sequence[Place] | None:
        found = _ATTENTION.fullmatch(name)
        if found is None:
            return (Place("model.embed_tokens.weight" if name == _EMBEDDING else name),)
        attention = f"{found[1]}.self_attn"
        if found[2] == "query_key_value":
            return [Place(f"{attention}.{part}.weight", rows=of) for part, of in rows.items()]
        return (Place(f"{attention}.{_IN_ATTENTION[found[2]]}.weight"),)

    return names


def file_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A network's tensors under the names of a file: the reverse of `names_of`."""
    back = {ours: theirs for theirs, ours in _IN_ATTENTION.items()}
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        layer, attention, rest = name.partition(".self_attn.")
        part = rest.partition(".")[0]
        if part == "q_proj":
            parts = [tensors[f"{layer}.self_attn.{each}.weight"] for each in ("q_proj", "k_proj", "v_proj")]
            found[f"{layer}.attention.query_key_value.weight"] = torch.cat(parts)
        elif attention and part in back:
            found[f"{layer}.attention.{back[part]}.weight"] = tensor
        elif not attention:
            found[_EMBEDDING if name == "model.embed_tokens.weight" else name] = tensor
    return found


def block_length(config: Config, name: str) -> int:  # noqa: ARG001 - its names do not tell
    """32 in every published checkpoint."""
    return config.size("block_size", config.size("block_length", 32))


LLADA2 = Family(
    name="llada2",
    shape=shape,
    chat=ROLES,
    published=SpecialIds(mask=156895, eos=156892, pad=156892),
    block=block_length,
    mlp_of=mlp_of,
)


def load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None) -> MaskedDenoiser:
    """See `pbench.models.masked.load_masked`."""
    family = replace(LLADA2, names=names_of(shape(checkpoint.config)))
    return load_masked(checkpoint, family, device, dtype)
