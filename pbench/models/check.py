"""What a checkpoint says of itself, found out without its weights: `pbench models check`."""

from __future__ import annotations

from typing import Any

import torch

from pbench.interfaces import Denoiser, TextGenerator
from pbench.models.auto_map import AutoMapped
from pbench.models.catalogue import ModelInfo
from pbench.models.diffusion_gemma import DiffusionGemmaGenerator
from pbench.models.diffusion_gemma_network import GemmaNetwork
from pbench.models.masked import MaskedDenoiser
from pbench.models.sedd import SeddGenerator

__all__ = ["check_model"]

_DTYPES = (torch.float32, torch.bfloat16)


def check_model(info: ModelInfo, model: Denoiser | TextGenerator) -> dict[str, Any]:
    """Facts of `model`, which was loaded on the device "meta"; plain values by name."""
    found: dict[str, Any] = {"name": info.name, "family": info.family, "kind": info.kind}
    if info.hub is not None:
        found |= {"hub": info.hub, "revision": info.revision}
    if isinstance(model, MaskedDenoiser):
        found |= _masked_facts(model)
    elif isinstance(model, Denoiser):
        found |= {"context": model.capabilities.max_length, "vocabulary": {"rows": model.vocab_size}}
    if isinstance(model, AutoMapped | SeddGenerator | DiffusionGemmaGenerator):
        found |= model.facts()
    network = getattr(model, "network", None)
    if isinstance(network, GemmaNetwork):
        network = network.model
    if isinstance(network, torch.nn.Module):
        count = sum(parameter.numel() for parameter in network.parameters())
        found["parameters"] = count
        found["memory_bytes"] = {_name(dtype): count * dtype.itemsize for dtype in _DTYPES}
    found["notes"] = list(getattr(model, "notes", ()))
    return found


def _masked_facts(model: MaskedDenoiser) -> dict[str, Any]:
    ids = {"mask": model.mask_token_id, "eos": model.eos_token_id, "pad": model.pad_token_id}
    block = model.capabilities.block_causal
    shape = tuple(_forward(model).shape)
    return {
        "context": model.capabilities.max_length,
        "attention": "everything" if block is None else f"block-causal, blocks of {block}",
        "logits": "of the next position" if model.shifted else "of the position itself",
        "vocabulary": {"rows": model.vocab_size, "tokenizer": model.tokens.size},
        "special_tokens": {key: f"{value} {model.tokens.token(value)}" for key, value in ids.items()},
        "forward": f"8 positions in, logits {list(shape)} out",
    }


def _forward(model: MaskedDenoiser) -> torch.Tensor:
    """Logits of two of eight positions on the meta device: shapes, and no numbers."""
    ids = torch.zeros(1, 8, dtype=torch.long, device="meta")
    wanted = torch.tensor([[0, 3], [0, 7]])
    return model.network.head(model.network(ids, ids, None, wanted))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
