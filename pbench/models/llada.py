"""LLaDA-8B-Instruct, LLaDA-1.5 (arXiv 2502.09992): Llama's block under OLMo's names, seeing everything."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch

from pbench.models.backbone import Shape
from pbench.models.chat import LLAMA3
from pbench.models.checkpoint import MODULES, POSITIONS, Checkpoint, Config
from pbench.models.masked import Family, MaskedDenoiser, SpecialIds, load_masked
from pbench.models.qwen import rope_theta
from pbench.models.weights import Place

__all__ = ["LLADA", "file_name", "load"]

_BLOCK = re.compile(r"model\.transformer\.blocks\.(\d+)\.(\w+)\.weight")
_IN_BLOCK = {
    "attn_norm": "input_layernorm",
    "ff_norm": "post_attention_layernorm",
    "q_proj": "self_attn.q_proj",
    "k_proj": "self_attn.k_proj",
    "v_proj": "self_attn.v_proj",
    "attn_out": "self_attn.o_proj",
    "ff_proj": "mlp.gate_proj",
    "up_proj": "mlp.up_proj",
    "ff_out": "mlp.down_proj",
}
_OUTSIDE = {
    "model.transformer.wte.weight": "model.embed_tokens.weight",
    "model.transformer.ln_f.weight": "model.norm.weight",
    "model.transformer.ff_out.weight": "lm_head.weight",
}


def names(name: str) -> Sequence[Place] | None:
    """`ff_out` is the head outside of the blocks and the MLP's way down inside of them."""
    if name in _OUTSIDE:
        return (Place(_OUTSIDE[name]),)
    found = _BLOCK.fullmatch(name)
    if found is None or found[2] not in _IN_BLOCK:
        return None
    return (Place(f"model.layers.{found[1]}.{_IN_BLOCK[found[2]]}.weight"),)


def file_name(parameter: str) -> str:
    """The other way round: the name in a checkpoint of a parameter of the backbone."""
    for outside, name in _OUTSIDE.items():
        if name == parameter:
            return outside
    _, _, number, place = parameter.removesuffix(".weight").split(".", 3)
    inside = next(name for name, ours in _IN_BLOCK.items() if ours == place)
    return f"model.transformer.blocks.{number}.{inside}.weight"


def shape(config: Config) -> Shape:
    """Dimensions in OLMo's words; its variants that no LLaDA uses are refused."""
    config.only("block_type", "llama")
    config.only("layer_norm_type", "rms")
    config.only("activation_type", "silu")
    for unused in (
        "alibi",
        "attention_layer_norm",
        "include_bias",
        "include_qkv_bias",
        "multi_query_attention",
    ):
        config.only(unused, False)
    for unused in ("scale_logits", "input_emb_norm", "bias_for_layer_norm"):
        config.only(unused, False)
    config.only("rope", True)
    hidden, heads = config.size("d_model"), config.size("n_heads")
    vocab_size = config.size("vocab_size")
    return Shape(
        vocab_size=config.size("embedding_size", vocab_size),
        hidden_size=hidden,
        layers=config.size("n_layers", most=MODULES),
        heads=heads,
        kv_heads=config.size("n_kv_heads", heads),
        head_dim=hidden // heads,
        intermediate_size=config.size("mlp_hidden_size"),
        max_length=config.size("max_sequence_length", 4096, most=POSITIONS),
        rope_theta=rope_theta(config, 5e5),
        rms_norm_eps=config.number("rms_norm_eps", 1e-5),
        tied=config.flag("weight_tying"),
    )


LLADA = Family(
    name="llada",
    shape=shape,
    chat=LLAMA3,
    published=SpecialIds(mask=126336, eos=126081, pad=126081),
    names=names,
)


def load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None) -> MaskedDenoiser:
    """See `pbench.models.masked.load_masked`."""
    return load_masked(checkpoint, LLADA, device, dtype)
