"""Low-rank adapters on the queries, keys and values of a network, by peft, and the folder of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import torch
from torch import Tensor, nn

from pbench.artifacts import atomic_text
from pbench.errors import UsageError
from pbench.models.adapter import ABOUT, CONFIG, WEIGHTS
from pbench.models.tiny import TinyDenoiser
from pbench.train.forward import Tunable
from pbench.train.settings import LoraSettings
from pbench.train.weights import write_weights

__all__ = ["add_adapters", "save_adapter"]

_NAME = "default"
_PREFIX = "base_model.model."


def add_adapters(denoiser: Tunable, settings: LoraSettings) -> dict[str, nn.Parameter]:
    """Put adapters into the network, freeze everything else; the adapters' parameters by name.

    A are drawn from the settings' seed, B are 0, so that training begins at the model as it is.
    UsageError where peft is not installed.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise UsageError("fine-tuning with adapters needs peft: pip install 'pbench[train]'") from None
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=_targets(denoiser),
        bias="none",
    )
    denoiser.network.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        inject_adapter_in_model(config, denoiser.network, adapter_name=_NAME)
    trained = {name: p for name, p in denoiser.network.named_parameters() if ".lora_" in name}
    for parameter in trained.values():
        parameter.data = parameter.data.float().to(denoiser.device)
        parameter.requires_grad_(True)
    return trained


def save_adapter(
    folder: Path, denoiser: Tunable, settings: LoraSettings, trained: dict[str, nn.Parameter]
) -> None:
    """Write peft's two files, and pbench.json with the model that the adapter belongs to."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "peft_type": "LORA",
        "r": settings.rank,
        "lora_alpha": settings.alpha,
        "lora_dropout": settings.dropout,
        "target_modules": _targets(denoiser),
        "bias": "none",
        "base_model_name_or_path": denoiser.identity.get("hub", denoiser.name),
        "inference_mode": True,
    }
    about: dict[str, Any] = {"schema_version": 1, "kind": "adapter", "base": dict(denoiser.identity)}
    _write_json(folder / CONFIG, config)
    _write_json(folder / ABOUT, about)
    write_weights(folder / WEIGHTS, {_file_name(name): _plain(p) for name, p in trained.items()})


def _targets(denoiser: Tunable) -> list[str]:
    """Modules of queries, keys and values; the bundled models have one for all three."""
    return ["qkv"] if isinstance(denoiser, TinyDenoiser) else ["k_proj", "q_proj", "v_proj"]


def _file_name(parameter: str) -> str:
    return _PREFIX + parameter.replace(f".{_NAME}.", ".")


def _plain(parameter: Tensor) -> Tensor:
    return parameter.detach().float().cpu().contiguous()


def _write_json(path: Path, content: dict[str, Any]) -> None:
    atomic_text(path, orjson.dumps(content, option=orjson.OPT_INDENT_2).decode() + "\n")
