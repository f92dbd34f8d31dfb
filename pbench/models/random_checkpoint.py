"""`models random`: a small checkpoint of a family with random weights, in the form of the published ones.

For tests, benchmarks and bug reports: it loads and decodes like the real one, and answers nonsense.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from pbench.errors import UsageError, unknown_name
from pbench.models.backbone import Backbone
from pbench.models.chat import CHATML
from pbench.models.checkpoint import Config
from pbench.models.dream import DREAM
from pbench.models.fast_dllm import FAST_DLLM
from pbench.models.llada import LLADA, file_name
from pbench.models.llada2 import LLADA2, file_tensors
from pbench.models.llada_moe import LLADA_MOE, ROLES
from pbench.models.masked import Family
from pbench.models.random_files import (
    RandomSize,
    random_tensor,
    trained_tokenizer,
    write_json,
    write_tokenizer,
    write_weights,
)
from pbench.models.sdar import SDAR

__all__ = ["Recipe", "random_families", "write_masked", "write_random"]

# LLaDA's own template begins the answer whether it is asked to or not.
_LLADA_TEMPLATE = (
    "{% for message in messages %}{{ bos_token if loop.first else '' }}<|start_header_id|>"
    "{{ message['role'] }}<|end_header_id|>\n\n{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
)
_ROPE_THETA = 1e3  # heads of few dimensions need quick rotations to tell positions apart


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a family on the backbone is written.

    `config` makes config.json but for the ids of the roles in `special`; `others` are more special
    tokens; `file_name` gives a parameter's name in the file, `arranged` the file's tensors where they
    are not the network's.
    """

    family: Family
    config: Callable[[RandomSize], dict[str, Any]]
    special: Mapping[str, str]
    others: tuple[str, ...]
    template: str
    file_name: Callable[[str], str] = lambda name: name
    arranged: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = dict


def _llada_config(size: RandomSize) -> dict[str, Any]:
    return {
        "model_type": "llada",
        "architectures": ["LLaDAModelLM"],
        "d_model": size.hidden_size,
        "n_heads": size.heads,
        "n_kv_heads": size.heads,
        "n_layers": size.layers,
        "mlp_hidden_size": 3 * size.hidden_size,
        "vocab_size": size.vocab_size,
        "embedding_size": size.vocab_size,
        "max_sequence_length": size.max_length,
        "rope_theta": _ROPE_THETA,
        "rms_norm_eps": 1e-5,
        "block_type": "llama",
        "layer_norm_type": "rms",
        "activation_type": "silu",
        "include_bias": False,
        "include_qkv_bias": False,
        "weight_tying": False,
    }


def _qwen_config(size: RandomSize, **own: Any) -> dict[str, Any]:
    return {
        "hidden_size": size.hidden_size,
        "intermediate_size": 3 * size.hidden_size,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": max(1, size.heads // 2),
        "max_position_embeddings": size.max_length,
        "vocab_size": size.vocab_size,
        "hidden_act": "silu",
        "rope_theta": _ROPE_THETA,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": False,
        **own,
    }


def _dream_config(size: RandomSize) -> dict[str, Any]:
    return _qwen_config(size, model_type="Dream", architectures=["DreamModel"])


def _sdar_config(size: RandomSize) -> dict[str, Any]:
    head_dim = size.hidden_size // size.heads
    own = {"model_type": "sdar", "architectures": ["SDARForCausalLM"], "head_dim": head_dim, "block_size": 4}
    return _qwen_config(size, attention_bias=False, **own)


def _fast_dllm_config(size: RandomSize) -> dict[str, Any]:
    own = {"model_type": "Fast_dLLM_Qwen", "architectures": ["Fast_dLLM_QwenForCausalLM"], "bd_size": 32}
    return _qwen_config(size, **own)


def _llada_moe_config(size: RandomSize) -> dict[str, Any]:
    return {
        "model_type": "llada",
        "architectures": ["LLaDAMoEModelLM"],
        "hidden_size": size.hidden_size,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.heads,
        "num_experts": 8,
        "num_experts_per_tok": 2,
        "expert_intermediate_size": 3 * size.hidden_size,
        "dense_intermediate_size": 3 * size.hidden_size,
        "moe_layer_freq": [1] * size.layers,
        "norm_topk_prob": None,
        "shared_expert_intermediate_size": None,
        "moe_router_score_function": "softmax",
        "moe_router_enable_expert_bias": False,
        "routed_scaling_factor": 1,
        "partial_rotary_factor": 1,
        "qk_layernorm": True,
        "attention_bias": False,
        "clip_qkv": None,
        "hidden_act": "silu",
        "max_position_embeddings": size.max_length,
        "vocab_size": size.vocab_size,
        "rope_theta": _ROPE_THETA,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": False,
    }


def _llada2_config(size: RandomSize) -> dict[str, Any]:
    return {
        "model_type": "llada2_moe",
        "architectures": ["LLaDA2MoeModelLM"],
        "hidden_size": size.hidden_size,
        "intermediate_size": 3 * size.hidden_size,
        "num_hidden_layers": size.layers,
        "first_k_dense_replace": 1,
        "num_attention_heads": size.heads,
        "num_key_value_heads": max(1, size.heads // 2),
        "head_dim": size.hidden_size // size.heads,
        "partial_rotary_factor": 0.5,
        "use_qkv_bias": False,
        "use_bias": False,
        "use_qk_norm": True,
        "num_experts": 16,
        "num_experts_per_tok": 3,
        "num_shared_experts": 1,
        "n_group": 4,
        "topk_group": 2,
        "moe_intermediate_size": size.hidden_size // 2,
        "moe_router_enable_expert_bias": True,
        "norm_topk_prob": True,
        "routed_scaling_factor": 2.5,
        "score_function": "sigmoid",
        "hidden_act": "silu",
        "max_position_embeddings": size.max_length,
        "vocab_size": size.vocab_size,
        "rope_theta": _ROPE_THETA,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": False,
    }


_RECIPES = {
    "llada": Recipe(
        LLADA,
        _llada_config,
        {"mask": "<|mdm_mask|>", "eos": "<|endoftext|>", "pad": "<|endoftext|>", "bos": "<|startoftext|>"},
        ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        _LLADA_TEMPLATE,
        file_name,
    ),
    "dream": Recipe(
        DREAM,
        _dream_config,
        {"mask": "<|mask|>", "eos": "<|endoftext|>", "pad": "<|endoftext|>", "bos": "<|beginoftext|>"},
        ("<|im_start|>", "<|im_end|>"),
        CHATML.template,
    ),
    "sdar": Recipe(
        SDAR,
        _sdar_config,
        {"mask": "<|MASK|>", "eos": "<|endoftext|>", "pad": "<|endoftext|>"},
        ("<|im_start|>", "<|im_end|>"),
        CHATML.template,
    ),
    "llada-moe": Recipe(
        LLADA_MOE,
        _llada_moe_config,
        {"mask": "<|mask|>", "eos": "<|endoftext|>", "pad": "<|endoftext|>"},
        ("<role>", "</role>", "<|role_end|>"),
        ROLES.template,
    ),
    "llada2": Recipe(
        LLADA2,
        _llada2_config,
        {"mask": "<|mask|>", "eos": "<|endoftext|>", "pad": "<|endoftext|>"},
        ("<role>", "</role>", "<|role_end|>"),
        ROLES.template,
        arranged=file_tensors,
    ),
    "fast-dllm-v2": Recipe(
        FAST_DLLM,
        _fast_dllm_config,
        {"mask": "|<MASK>|", "eos": "<|im_end|>", "pad": "<|im_end|>"},
        ("<|endoftext|>", "<|im_start|>"),
        CHATML.template,
    ),
}
_ELSEWHERE = {
    "sedd": "pbench.models.sedd_files:write_random",
    "diffusion-gemma": "pbench.models.diffusion_gemma_files:write_random",
}
"""Families that are written by a function of their own, "module:function": (out, texts, size) -> None."""


def random_families() -> list[str]:
    """The families of which a random checkpoint can be written."""
    return [*_RECIPES, *_ELSEWHERE]


def write_random(family: str, out: Path, texts: Sequence[str], size: RandomSize) -> None:
    """Write a checkpoint to the new or empty folder `out`; its tokenizer is trained on `texts`."""
    if family not in random_families():
        raise unknown_name("family", family, random_families())
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out}: there is something already; choose a new or empty folder")
    out.mkdir(parents=True, exist_ok=True)
    if family in _RECIPES:
        write_masked(_RECIPES[family], out, texts, size)
        return
    module, _, function = _ELSEWHERE[family].partition(":")
    getattr(import_module(module), function)(out, texts, size)


def write_masked(recipe: Recipe, out: Path, texts: Sequence[str], size: RandomSize) -> None:
    """The same for a family on the shared backbone."""
    special = list(dict.fromkeys([*recipe.others, *recipe.special.values()]))
    tokenizer = trained_tokenizer(texts, size.vocab_size, special)
    config = recipe.config(size) | _ids(tokenizer, recipe.special)
    write_json(out / "config.json", config)
    write_tokenizer(
        out, tokenizer, {f"{role}_token": text for role, text in recipe.special.items()}, recipe.template
    )
    read = Config(out / "config.json", config)
    with torch.device("meta"):
        network = Backbone(recipe.family.shape(read), recipe.family.mlp_of(read))
    generator = torch.Generator().manual_seed(size.seed)
    tensors = {
        recipe.file_name(name): random_tensor(name, parameter.shape, generator)
        for name, parameter in network.named_parameters()
    }
    write_weights(out, recipe.arranged(tensors), size.shards)


def _ids(tokenizer: Tokenizer, special: Mapping[str, str]) -> dict[str, int]:
    found = {role: tokenizer.token_to_id(text) for role, text in special.items()}
    return {f"{role}_token_id": token for role, token in found.items() if token is not None}
